// The current view as the part of the address after «#», and a button that copies it.

(function () {
  const { el, t } = cpecgeo;
  const iso = (time) => (time === null || !Number.isFinite(time) ? "" : new Date(time).toISOString().slice(0, 16));
  const ms = (text) => (text ? Date.parse(text + "Z") : NaN);

  // Layers that a link may name: ours by their keys, folium's own by their turn.
  function layers(map) {
    const all = new Map(Object.entries(map.cpec.layers).filter(([, group]) => group.cpecLayer.control));
    map.cpec.adopted.forEach(({ layer }, k) => all.set("own" + k, layer));
    if (map.cpec.posts) all.set("posts", map.cpec.posts);
    return all;
  }

  function state(map) {
    const at = map.getCenter();
    const put = new URLSearchParams();
    put.set("map", [map.getZoom(), at.lat.toFixed(4), at.lng.toFixed(4)].join("/"));
    const [on, off] = [[], []];
    for (const [key, layer] of layers(map)) {
      const shown = map.hasLayer(layer);
      if (shown !== map.cpec.shownFirst.has(key)) (shown ? on : off).push(key);
    }
    if (on.length) put.set("on", on.join(","));
    if (off.length) put.set("off", off.join(","));
    const time = map.cpec.time;
    if (time) put.set("time", iso(time.from) + "~" + iso(time.to));
    if (map.cpec.selected) put.set("at", map.cpec.selected.join("."));
    return put.toString().replaceAll("%2F", "/").replaceAll("%2C", ",").replaceAll("%3A", ":");
  }

  // Parts of an address that the page doesn't have are ignored.
  function restore(map) {
    const said = new URLSearchParams(window.location.hash.slice(1));
    const all = layers(map);
    for (const [name, show] of [["on", true], ["off", false]]) {
      for (const key of (said.get(name) || "").split(",")) {
        const layer = all.get(key);
        if (layer && show !== map.hasLayer(layer)) map[show ? "addLayer" : "removeLayer"](layer);
      }
    }
    const [zoom, lat, lon] = (said.get("map") || "").split("/").map(parseFloat);
    if ([zoom, lat, lon].every(Number.isFinite) && Math.abs(lat) <= 85 && Math.abs(lon) <= 360) {
      map.setView([lat, lon], Math.max(map.getMinZoom(), Math.min(map.getMaxZoom(), zoom)), { animate: false });
    }
    const [from, to] = (said.get("time") || "").split("~").map(ms);
    if (map.cpec.slider && (Number.isFinite(from) || Number.isFinite(to))) {
      map.cpec.slider.show({ from: Number.isFinite(from) ? from : null, to: Number.isFinite(to) ? to : Infinity });
    }
    const found = (said.get("at") || "").match(/^(.+)\.(\d+)$/);
    const group = found && Object.hasOwn(map.cpec.layers, found[1]) ? map.cpec.layers[found[1]] : null;
    if (group && Number(found[2]) < group.cpecLayer.n) cpecgeo.open(map, found[1], Number(found[2]));
  }

  function button(map) {
    const link = el("a", { href: "#", role: "button", title: t("Copy a link to this view"), "aria-label": t("Copy a link to this view") },
      cpecgeo.icon("M8 12l4-4 M9 5l2-2a4 4 0 0 1 6 6l-2 2 M11 15l-2 2a4 4 0 0 1-6-6l2-2"));
    const said = el("div", { class: "cpec-share-text", role: "status", hidden: "hidden" });
    const box = el("div", { class: "leaflet-bar cpec-share" }, link, said);
    L.DomEvent.disableClickPropagation(box);
    const tell = (...what) => {
      said.hidden = false;
      said.replaceChildren(...what);
      clearTimeout(box.cpecTimer);
      box.cpecTimer = setTimeout(() => { said.hidden = true; }, 8000);
    };
    link.addEventListener("click", async (event) => {
      event.preventDefault();
      const address = window.location.href.split("#")[0] + "#" + state(map);
      try {
        await navigator.clipboard.writeText(address);
        tell(t("Link copied: view, layers, time and selection."));
      } catch {
        const field = el("input", { type: "text", readonly: "readonly", value: address, "aria-label": t("Link to this view") });
        tell(t("Copy this link:") + " ", field);
        field.select();
      }
    });
    return box;
  }

  cpecgeo.share = function (map) {
    map.cpec.shownFirst = new Set([...layers(map)].filter(([, layer]) => map.hasLayer(layer)).map(([key]) => key));
    const Button = L.Control.extend({ options: { position: "topleft" }, onAdd: () => button(map) });
    new Button().addTo(map);
  };

  // When everything is loaded: apply the address, and keep it up to date.
  cpecgeo.followAddress = function (map) {
    let written = window.location.hash.slice(1);
    if (written) restore(map);
    const first = state(map);
    let timer = 0;
    const write = () => {
      const now = state(map);
      if (now === written || (!written && now === first)) return;
      written = now;
      // In a frame without an address of its own there is nothing to write.
      try { window.history.replaceState(null, "", "#" + now); } catch { /* then the link stays as it was */ }
    };
    map.on("moveend layeradd layerremove cpec:year popupopen popupclose", () => {
      clearTimeout(timer);
      timer = setTimeout(write, 300);
    });
    window.addEventListener("hashchange", () => {
      if (window.location.hash.slice(1) === written) return;
      written = window.location.hash.slice(1);
      restore(map);
    });
  };
})();
