// The last step, when all layers are there.

cpecgeo.start = function (map) {
  const { el, t } = cpecgeo;
  const data = map.cpec.data;
  if (Object.keys(data.posts).length) {
    map.cpec.posts = cpecgeo.posts(map);
    map.addLayer(map.cpec.posts);
  }
  cpecgeo.buildControls(map);
  if (data.profiles) cpecgeo.profile(map);
  const note = el("details", { class: "cpec-note" }, el("summary", {}, t("About this map")),
    el("p", {}, data.note));
  note.addEventListener("toggle", () => {
    // Side by side there is no room for both on a phone.
    const legend = document.querySelector(".cpec-legend");
    if (note.open && legend && map.getSize().x < 700) legend.open = false;
    map.getContainer().classList.toggle("cpec-note-open", note.open);
    map.fire("cpec:panels");
  });
  for (const text of data.notes) note.append(el("p", {}, text));
  const owed = new Map(Object.values(data.layers).flatMap((layer) => layer.credits || []));
  if (owed.size) {
    note.append(el("p", {}, t("Data") + ": ", el("bdi", {}, [...owed].map(([name, terms]) => name + " (" + terms + ")").join("; ") + ".")));
  }
  const About = L.Control.extend({
    options: { position: "bottomright" },
    onAdd: () => { L.DomEvent.disableClickPropagation(note); return note; },
  });
  new About().addTo(map);
  map.attributionControl.addAttribution("Leaflet · cpecgeo");
  cpecgeo.arrange(map);
  cpecgeo.fit(map);
  map.cpec.labels = cpecgeo.labels(map);
  const box = map.getContainer();
  // Beside a panel of its own the map is the main part of the page.
  box.setAttribute("role", data.profiles ? "main" : "region");
  box.setAttribute("aria-label", t("{title}. Arrow keys move the map, plus and minus zoom.", { title: data.title }));
  // Tools come before the sites in the order of the Tab key.
  box.prepend(box.querySelector(".leaflet-control-container"));
  map.on("popupclose", () => { map.cpec.selected = null; });
  map.on("popupopen", (event) => {
    const of = event.popup.options.cpecId || (event.popup._source || {}).cpecId;
    map.cpec.selected = of || null;
    const node = event.popup.getElement();
    const heading = node.querySelector("h2");
    node.setAttribute("role", "dialog");
    node.querySelector(".leaflet-popup-close-button")?.setAttribute("aria-label", t("Close popup"));
    if (heading) node.setAttribute("aria-label", heading.textContent.slice(0, 120));
    cpecgeo.placePopup(event.popup);
    event.popup.cpecWaits = Boolean(map._animatingZoom);
    cpecgeo.clearPopup(event.popup);
  });
  map.on("zoomend", () => {
    const popup = map._popup;
    if (!popup || !popup.isOpen()) return;
    // A popup that was open before and is out of view now stays there; one opened meanwhile is
    // moved into view.
    if (!popup.cpecWaits && !map.getBounds().contains(popup.getLatLng())) return;
    popup.cpecWaits = false;
    cpecgeo.placePopup(popup);
    cpecgeo.clearPopup(popup);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !cpecgeo.measuring) map.closePopup();
  });
  for (const bar of document.querySelectorAll(".leaflet-control-zoom a")) bar.setAttribute("role", "button");
  cpecgeo.appearWithZoom(map);
  cpecgeo.reach(map);
  cpecgeo.limit(map);
  const skip = document.querySelector(".cpec-skip");
  if (skip) {
    skip.addEventListener("click", (event) => {
      event.preventDefault();
      const first = box.querySelector(".leaflet-interactive[tabindex='0']");
      (first || box).focus();
    });
  }
  cpecgeo.preparePrint(map);
  if (data.embed) cpecgeo.embed(map);
  if (map.cpec.shownFirst && window.location.hash !== "#still") cpecgeo.followAddress(map);
  if (window.location.hash === "#still") document.documentElement.classList.add("cpec-still");
  document.documentElement.dataset.ready = "yes";
};

// Panels share the sides of the map: long ones scroll, so that none covers another.
cpecgeo.arrange = function (map) {
  const box = map.getContainer();
  const corner = (where) => box.querySelector(where);
  const height = (node) => (node ? node.offsetHeight : 0);
  const update = () => {
    const size = map.getSize();
    const [topLeft, bottomLeft] = [corner(".leaflet-top.leaflet-left"), corner(".leaflet-bottom.leaflet-left")];
    const bottomRight = corner(".leaflet-bottom.leaflet-right");
    const note = corner(".cpec-note");
    const layers = corner(".leaflet-top .leaflet-control-layers-expanded");
    if (note) {
      note.style.maxHeight = "";
      const rest = height(bottomRight) - height(note) + (layers ? 150 : 60);
      note.style.maxHeight = Math.max(40, Math.min(size.y * 0.45, size.y - rest)) + "px";
    }
    const credits = map.attributionControl.getContainer();
    const left = Math.max(0, ...[...bottomLeft.children].map((e) => e.offsetWidth + 12));
    credits.style.maxWidth = Math.max(120, size.x - left - 8) + "px";
    const list = corner(".cpec-legend-list");
    if (list) {
      list.style.maxHeight = "";
      const rest = height(bottomLeft) - height(list);
      list.style.maxHeight = Math.max(48, size.y - height(topLeft) - rest - 16) + "px";
    }
    if (layers) layers.style.maxHeight = Math.max(90, size.y - height(bottomRight) - 40) + "px";
  };
  map.on("cpec:panels resize", update);
  update();
};

// In an article the page scrolls past the map: one finger and the wheel are the page's, two
// fingers and Ctrl with the wheel the map's. Credits are folded.
cpecgeo.embed = function (map) {
  const { el, t } = cpecgeo;
  const box = map.getContainer();
  const hint = el("p", { class: "cpec-hint", role: "status" });
  box.append(hint);
  let timer = 0;
  const tell = (text) => {
    hint.textContent = text;
    clearTimeout(timer);
    timer = setTimeout(() => { hint.textContent = ""; }, 1500);
  };
  map.scrollWheelZoom.disable();
  box.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) {
      tell(t("Ctrl and the wheel zoom the map"));
      return;
    }
    event.preventDefault();
    map.setZoomAround(map.mouseEventToContainerPoint(event), map.getZoom() - Math.sign(event.deltaY) * 0.5);
  }, { passive: false });
  if (window.matchMedia("(pointer: coarse)").matches) {
    map.dragging.disable();
    box.addEventListener("touchmove", (event) => {
      if (event.touches.length === 1) tell(t("Two fingers move the map"));
    }, { passive: true });
  }
  const credits = map.attributionControl.getContainer();
  const folded = el("details", { class: "cpec-credits" }, el("summary", {}, t("Sources")));
  credits.before(folded);
  folded.append(credits);
};

// The smallest zoom with background, and the largest at which the data shows more.
cpecgeo.limit = function (map) {
  const { data, layers } = map.cpec;
  const has = (side) => data.zooms.includes(side + "_zoom");
  if (map.cpec.adopted.some(({ layer }) => layer instanceof L.TileLayer)) return;
  const [west, south, east, north] = data.view;
  const view = L.latLngBounds([south, west], [north, east]);
  if (data.ground) {
    const [w, s, e, n] = data.ground;
    const all = L.latLngBounds([s, w], [n, e]).extend(view);
    const least = Math.min(map.cpec.fitted.zoom, map.getBoundsZoom(all, true));
    if (!has("min")) map.setMinZoom(Math.max(map.getMinZoom(), least));
    map.setMaxBounds(all);
  }
  // Features that don't say how good they are may be looked at from close by.
  let best = Infinity;
  for (const group of Object.values(layers)) {
    const layer = group.cpecLayer;
    if (!layer.style.interactive || layer.style.pane === "background") continue;
    const column = layer.columns.accuracy_km;
    if (!column) { best = 0; continue; }
    for (let i = 0; i < layer.n; i += 1) best = Math.min(best, cpecgeo.cell(column, i) || Infinity);
  }
  if (best > 0 && best < Infinity && !has("max")) {
    const close = Math.log2((60 * 40075) / (256 * best));
    map.setMaxZoom(Math.max(10, Math.min(map.getMaxZoom(), Math.ceil(close))));
  }
};
