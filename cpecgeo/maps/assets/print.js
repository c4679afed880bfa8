// Paper: landscape, one page, the legend and the sources beside the map.

(function () {
  const { el } = cpecgeo;

  cpecgeo.printButton = function (map) {
    const Button = L.Control.extend({
      options: { position: "topleft" },
      onAdd: function () {
        const link = el("a", { href: "#", role: "button", title: "Print", "aria-label": "Print" },
          cpecgeo.icon("M5 7V2h10v5 M5 14H2V7h16v7h-3 M5 11h10v7H5Z"));
        const box = el("div", { class: "leaflet-bar cpec-print-button" }, link);
        L.DomEvent.disableClickPropagation(box);
        link.addEventListener("click", (event) => {
          event.preventDefault();
          window.print();
        });
        return box;
      },
    });
    new Button().addTo(map);
  };

  const LONGEST = 760;

  // Who is owed thanks, then the sources that there is room for; a layer in which nearly every
  // feature has its own (towns) tells them in its popups.
  function sources(map) {
    const found = new Set();
    for (const group of Object.values(map.cpec.layers)) {
      const layer = group.cpecLayer;
      if (!map.hasLayer(group)) continue;
      for (const [name, terms] of layer.credits || []) found.add(name + " (" + terms + ")");
    }
    for (const group of Object.values(map.cpec.layers)) {
      const layer = group.cpecLayer;
      if (!map.hasLayer(group) || layer.style.pane === "background") continue;
      const column = layer.columns.source || [];
      const all = new Set(Array.isArray(column) ? column : column.v);
      if (all.size <= 30) for (const text of all) if (typeof text === "string" && text) found.add(text);
    }
    let text = "";
    for (const one of found) {
      const more = (text ? "; " : "") + one;
      if (text.length + more.length <= LONGEST) text += more;
      else if (!text) text = one.slice(0, LONGEST) + "…";
    }
    return text ? text + ". Each feature names its own source in its popup." : "given by the map's author.";
  }

  // What the reader sees, or all that the map is about if nothing was moved.
  function wanted(map) {
    const { center, zoom } = map.cpec.fitted;
    const moved = map.getZoom() !== zoom || map.distance(map.getCenter(), center) > 2000;
    const [west, south, east, north] = map.cpec.data.view;
    return moved || map.cpec.data.start ? map.getBounds() : L.latLngBounds([south, west], [north, east]);
  }

  cpecgeo.preparePrint = function (map) {
    const data = map.cpec.data;
    const foot = el("footer", { class: "cpec-foot" });
    document.body.append(foot);
    let before = null;
    const fill = (bounds) => {
      map.invalidateSize({ animate: false });
      map.fitBounds(bounds, { animate: false, paddingTopLeft: [2, 14], paddingBottomRight: [2, 8] });
      if (map.cpec.labels) map.cpec.labels.draw();
    };
    const enter = () => {
      if (before) return;
      const legend = document.querySelector(".cpec-legend");
      before = { center: map.getCenter(), zoom: map.getZoom(), snap: map.options.zoomSnap,
        least: map.options.minZoom, bounds: map.options.maxBounds || null,
        open: legend && legend.open };
      if (legend) legend.open = true;
      foot.replaceChildren(
        el("p", {}, data.note, " ", data.notes.join(" ")),
        el("p", {}, el("strong", {}, "Sources: "), sources(map)),
      );
      const bounds = wanted(map);
      // The paper's size takes effect by this class, before the browser lays the page out.
      document.documentElement.classList.add("cpec-printing");
      map.setMaxBounds(null);
      Object.assign(map.options, { zoomSnap: 0, minZoom: 0 });
      fill(bounds);
    };
    const leave = () => {
      if (!before) return;
      document.documentElement.classList.remove("cpec-printing");
      const legend = document.querySelector(".cpec-legend");
      if (legend) legend.open = before.open;
      Object.assign(map.options, { zoomSnap: before.snap, minZoom: before.least });
      map.invalidateSize({ animate: false });
      map.setView(before.center, before.zoom, { animate: false });
      map.setMaxBounds(before.bounds);
      before = null;
    };
    window.addEventListener("beforeprint", enter);
    window.addEventListener("afterprint", leave);
    window.matchMedia("print").addEventListener("change", (e) => (e.matches ? enter() : leave()));
  };
})();
