// Paper: one page, the legend and the sources beside the map.

(function () {
  const { el, t } = cpecgeo;

  // Sheets, landscape unless stated; the style sheet has their inner sizes.
  const PAPERS = ["A4", "A3", "A4 portrait", "A3 portrait"];
  // A pixel of the style sheet on paper, in metres.
  const PIXEL = 0.0254 / 96;

  function setPaper(name) {
    document.documentElement.dataset.paper = name;
    let sheet = document.querySelector("style.cpec-paper");
    if (!sheet) document.head.append(sheet = el("style", { class: "cpec-paper" }));
    sheet.textContent = "@page { size: " + name + (name.includes(" ") ? "" : " landscape") + "; margin: 9mm; background: #fff; }";
  }

  cpecgeo.printButton = function (map) {
    const Button = L.Control.extend({
      options: { position: "topleft" },
      onAdd: function () {
        const link = el("a", { href: "#", role: "button", title: t("Print"), "aria-label": t("Print"), "aria-expanded": "false" },
          cpecgeo.icon("M5 7V2h10v5 M5 14H2V7h16v7h-3 M5 11h10v7H5Z"));
        const papers = el("div", { class: "cpec-papers", hidden: "hidden" }, ...PAPERS.map((name) => {
          const [paper, upright] = name.split(" ");
          const button = el("button", { type: "button" }, upright ? t("Print on {paper}, portrait", { paper }) : t("Print on {paper}", { paper }));
          button.addEventListener("click", () => {
            toggle(false);
            setPaper(name);
            window.print();
          });
          return button;
        }));
        const box = el("div", { class: "leaflet-bar cpec-print-button" }, link, papers);
        const toggle = (open) => {
          papers.hidden = !open;
          link.setAttribute("aria-expanded", String(open));
          if (open) papers.firstChild.focus();
        };
        L.DomEvent.disableClickPropagation(box);
        link.addEventListener("click", (event) => {
          event.preventDefault();
          toggle(papers.hidden);
        });
        box.addEventListener("keydown", (event) => {
          if (event.key !== "Escape" || papers.hidden) return;
          toggle(false);
          link.focus();
        });
        return box;
      },
    });
    new Button().addTo(map);
  };

  // Credits; full citations are in the popups and the tables.
  function sources(map) {
    const found = new Set();
    for (const group of Object.values(map.cpec.layers)) {
      if (!map.hasLayer(group)) continue;
      for (const [name, terms] of group.cpecLayer.credits || []) found.add(name + " (" + terms + ")");
    }
    return found.size ? t("{givers}. Each feature names its own source in its popup.", { givers: [...found].join("; ") })
      : t("given by the map's author.");
  }

  // Meridians and parallels with their degrees at the edges, drawn for paper alone.
  function graticule(map) {
    const view = map.getBounds();
    const wide = view.getEast() - view.getWest();
    const step = [0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20].find((one) => wide / one <= 8) || 30;
    const all = L.layerGroup();
    const write = (at, value, [plus, minus]) => L.marker(at, { interactive: false, keyboard: false, pane: "cpec-posts",
      icon: L.divIcon({ className: "cpec-degree", html: el("span", {}, cpecgeo.number(Math.abs(value), 2) + "°" + (value < 0 ? minus : plus)), iconSize: [0, 0] }) });
    const line = (a, b) => L.polyline([a, b], { pane: "cpec-grid", interactive: false, color: "#57524a", weight: 0.5, opacity: 0.6 });
    for (let lon = Math.ceil(view.getWest() / step) * step; lon < view.getEast(); lon += step) {
      all.addLayer(line([view.getSouth(), lon], [view.getNorth(), lon])).addLayer(write([view.getSouth(), lon], lon, [t("E"), t("W")]));
    }
    for (let lat = Math.ceil(view.getSouth() / step) * step; lat < view.getNorth(); lat += step) {
      all.addLayer(line([lat, view.getWest()], [lat, view.getEast()])).addLayer(write([lat, view.getEast()], lat, [t("N"), t("S")]));
    }
    return all;
  }

  // North, and the scale in the middle of the sheet.
  function corner(map) {
    const metres = (40075016.686 * Math.cos((map.getCenter().lat * Math.PI) / 180)) / (256 * 2 ** map.getZoom());
    const ratio = Number((metres / PIXEL).toPrecision(2));
    return el("div", { class: "cpec-corner", "data-ratio": ratio }, cpecgeo.icon("M10 18V3 M5 8l5-6 5 6"), el("b", {}, t("N")),
      el("span", {}, t("1 : {ratio} in the middle", { ratio: cpecgeo.number(ratio, 0) })));
  }

  function ground(map) {
    const [west, south, east, north] = map.cpec.data.view;
    return L.latLngBounds([south, west], [north, east]);
  }

  // The reader's view, or the map's whole subject if nothing was moved.
  function wanted(map) {
    const { center, zoom } = map.cpec.fitted;
    const moved = map.getZoom() !== zoom || map.distance(map.getCenter(), center) > 2000;
    return moved || map.cpec.data.start ? map.getBounds() : ground(map);
  }

  // Room at the left, top and bottom of the sheet: the map's subject avoids the legend, beside
  // or above it, and the scale; a view chosen by the reader fills the sheet.
  function margins(map, bounds, legend, scale) {
    const plain = [2, 14, 18];
    if (!legend || map.cpec.data.start || !bounds.equals(ground(map))) return plain;
    const top = scale.offsetHeight + 22;
    const zoom = ([left, above, below]) => map.getBoundsZoom(bounds, false, L.point(left + 2, above + below));
    return [[legend.offsetWidth + 20, top, 18], [2, top, legend.parentElement.offsetHeight + 8]]
      .reduce((a, b) => (zoom(b) > zoom(a) ? b : a));
  }

  // Printed, a canvas that was cleared is white, and the sea with it; on paper it is filled instead.
  function fillSea(map, on) {
    const canvas = map.cpec.canvas;
    if (!canvas || !canvas._ctx) return;
    delete canvas._clear;
    if (!on || map.cpec.adopted.some(({ layer }) => layer instanceof L.TileLayer)) return;
    canvas._clear = function () {
      const pen = this._ctx;
      pen.save();
      pen.setTransform(1, 0, 0, 1, 0, 0);
      pen.fillStyle = getComputedStyle(map.getContainer()).backgroundColor;
      pen.fillRect(0, 0, this._container.width, this._container.height);
      pen.restore();
    };
  }

  cpecgeo.preparePrint = function (map) {
    const data = map.cpec.data;
    const foot = el("footer", { class: "cpec-foot" });
    document.body.append(foot);
    let before = null;
    const fill = (bounds) => {
      map.invalidateSize({ animate: false });
      const scale = corner(map);
      map.getContainer().append(scale);
      const [left, top, below] = margins(map, bounds, document.querySelector(".cpec-legend"), scale);
      map.fitBounds(bounds, { animate: false, paddingTopLeft: [left, top], paddingBottomRight: [2, below] });
      before.furniture = graticule(map).addTo(map);
      before.corner = corner(map);
      scale.replaceWith(before.corner);
      // A degree that the corner would cover is written beside it.
      const over = before.corner.getBoundingClientRect();
      for (const degree of map.getContainer().querySelectorAll(".cpec-degree span")) {
        const at = degree.getBoundingClientRect();
        if (at.right > over.left && at.top < over.bottom && at.bottom > over.top) degree.style.marginLeft = over.left - at.right - 4 + "px";
      }
      if (map.cpec.labels) map.cpec.labels.draw();
    };
    const enter = () => {
      if (before) return;
      const legend = document.querySelector(".cpec-legend");
      before = { center: map.getCenter(), zoom: map.getZoom(), snap: map.options.zoomSnap,
        least: map.options.minZoom, bounds: map.options.maxBounds || null,
        open: legend && legend.open, profile: map.cpec.profile && map.cpec.profile.box.open };
      if (legend) legend.open = true;
      foot.replaceChildren(
        el("p", {}, data.note, " ", data.notes.join(" ")),
        el("p", {}, el("strong", {}, t("Sources") + ": "), sources(map), " ",
          t("Printed {date}.", { date: new Intl.DateTimeFormat(cpecgeo.dates(), { dateStyle: "long" }).format(new Date()) })),
      );
      const bounds = wanted(map);
      // The paper's size takes effect by this class, before the browser lays the page out.
      document.documentElement.classList.add("cpec-printing");
      // Within another page, such as a report, the sheet is that page's.
      if (window.parent !== window) document.documentElement.classList.add("cpec-framed");
      if (map.cpec.profile) {
        document.documentElement.classList.add("cpec-with-profile");
        map.cpec.profile.box.open = true;
        map.cpec.profile.draw();
      }
      map.setMaxBounds(null);
      Object.assign(map.options, { zoomSnap: 0, minZoom: 0 });
      fillSea(map, true);
      fill(bounds);
    };
    const leave = () => {
      if (!before) return;
      document.documentElement.classList.remove("cpec-printing", "cpec-framed", "cpec-with-profile");
      if (map.cpec.profile) {
        map.cpec.profile.box.open = before.profile;
        if (before.profile) map.cpec.profile.draw();
      }
      before.furniture.remove();
      before.corner.remove();
      fillSea(map, false);
      const legend = document.querySelector(".cpec-legend");
      if (legend) legend.open = before.open;
      Object.assign(map.options, { zoomSnap: before.snap, minZoom: before.least });
      map.invalidateSize({ animate: false });
      map.setView(before.center, before.zoom, { animate: false });
      map.setMaxBounds(before.bounds);
      before = null;
    };
    map.createPane("cpec-grid").style.zIndex = 345;
    // A sheet that a program asked for is laid out at once.
    setPaper(data.paper || PAPERS[0]);
    if (data.paper) enter();
    window.addEventListener("beforeprint", enter);
    window.addEventListener("afterprint", () => { if (!data.paper) leave(); });
    window.matchMedia("print").addEventListener("change", (e) => (e.matches ? enter() : data.paper || leave()));
  };
})();
