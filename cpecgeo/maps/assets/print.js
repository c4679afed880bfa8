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

  // Distinct sources of all drawn layers.
  function sources(map) {
    const found = new Set();
    for (const group of Object.values(map.cpec.layers)) {
      const layer = group.cpecLayer;
      if (!map.hasLayer(group)) continue;
      const column = layer.columns.source || [];
      for (const value of Array.isArray(column) ? column : column.v) if (value) found.add(value);
      for (const text of layer.style.sources || []) found.add(text);
    }
    return [...found].map(String);
  }

  cpecgeo.preparePrint = function (map) {
    const data = map.cpec.data;
    const foot = el("footer", { class: "cpec-foot" });
    document.body.append(foot);
    let before = null;
    const enter = () => {
      if (before) return;
      before = { center: map.getCenter(), zoom: map.getZoom(), bounds: map.getBounds() };
      const legend = document.querySelector(".cpec-legend");
      if (legend) {
        before.open = legend.open;
        legend.open = true;
      }
      const list = sources(map);
      const shown = list.join("; ").slice(0, 900);
      foot.replaceChildren(
        el("p", {}, data.note, " ", data.notes.join(" ")),
        el("p", {}, el("strong", {}, "Sources: "), shown || "given by the map's author", "."),
      );
      document.documentElement.classList.add("cpec-printing");
      map.invalidateSize({ animate: false });
      map.fitBounds(before.bounds.pad(-0.08), { animate: false });
      if (map.cpec.labels) map.cpec.labels.draw();
    };
    const leave = () => {
      if (!before) return;
      document.documentElement.classList.remove("cpec-printing");
      const legend = document.querySelector(".cpec-legend");
      if (legend) legend.open = before.open;
      map.invalidateSize({ animate: false });
      map.setView(before.center, before.zoom, { animate: false });
      before = null;
    };
    window.addEventListener("beforeprint", enter);
    window.addEventListener("afterprint", leave);
    window.matchMedia("print").addEventListener("change", (e) => (e.matches ? enter() : leave()));
  };
})();
