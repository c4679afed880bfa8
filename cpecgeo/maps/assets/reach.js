// Every feature has a name for a screen reader. Each layer is one stop of the Tab key: its first
// feature in view; arrow keys go on from there, Enter opens.

(function () {
  const elements = (item) => (item.getElement ? [item.getElement()] : item.getLayers ? item.getLayers().map((l) => l.getElement && l.getElement()) : []).filter(Boolean);

  // Whether the reader last used a key; then the focus must follow what is opened.
  let byKey = false;
  document.addEventListener("keydown", () => { byKey = true; }, true);
  document.addEventListener("pointerdown", () => { byKey = false; }, true);

  const isUsable = (map, group, item) => item && group.hasLayer(item) && elements(item).length > 0
    && elements(item)[0].style.display !== "none"
    && (item.getBounds ? map.getBounds().intersects(item.getBounds()) : map.getBounds().contains(item.getLatLng()));

  function name(group, item, i) {
    const layer = group.cpecLayer;
    const label = cpecgeo.nameOf(layer, i);
    const text = label === null ? layer.name : label + ", " + layer.name;
    for (const node of elements(item)) {
      node.setAttribute("role", "button");
      node.setAttribute("aria-label", text.slice(0, 200));
      if (!node.cpecAt) {
        node.cpecAt = [group, i];
        node.setAttribute("tabindex", "-1");
      }
    }
  }

  cpecgeo.reach = function (map) {
    const groups = Object.values(map.cpec.layers).filter((g) => g.cpecItems && g.cpecLayer.style.interactive);
    const box = map.getContainer();
    const update = () => {
      for (const group of groups) {
        if (!map.hasLayer(group)) continue;
        const late = map.getZoom() < (group.cpecLayer.style.fromZoom || 0);
        let stop = late;
        group.cpecItems.forEach((item, i) => {
          if (!item || !group.hasLayer(item)) return;
          name(group, item, i);
          const here = !stop && isUsable(map, group, item);
          for (const node of elements(item)) {
            if (node !== document.activeElement) node.setAttribute("tabindex", here ? "0" : "-1");
          }
          stop = stop || here;
        });
      }
    };
    const open = (item) => {
      if (item.getLatLng || !item.getBounds) { item.openPopup(); return; }
      const seen = item instanceof L.Polyline && !(item instanceof L.Polygon) ? cpecgeo.inSight(map, item, 0) : [];
      item.openPopup(seen.length ? map.layerPointToLatLng(seen[Math.floor(seen.length / 2)][0]) : undefined);
    };
    box.addEventListener("keydown", (event) => {
      const at = event.target.cpecAt;
      if (!at) return;
      const [group, i] = at;
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        event.stopPropagation();
        open(group.cpecItems[i]);
      } else if (by) {
        event.preventDefault();
        event.stopPropagation();
        let k = i + by;
        while (k >= 0 && k < group.cpecItems.length && !isUsable(map, group, group.cpecItems[k])) k += by;
        const next = group.cpecItems[k] && elements(group.cpecItems[k])[0];
        if (!next) return;
        event.target.setAttribute("tabindex", "-1");
        next.setAttribute("tabindex", "0");
        next.focus({ preventScroll: true });
      }
    }, true);
    // Leaflet opens a symbol's popup by Enter, too; once is enough.
    box.addEventListener("keypress", (event) => { if (event.target.cpecAt) event.stopPropagation(); }, true);
    let opener = null;
    map.on("popupopen", (event) => {
      const node = event.popup.getElement();
      node.setAttribute("tabindex", "-1");
      if (!byKey) { opener = null; return; }
      opener = document.activeElement;
      node.focus({ preventScroll: true });
    });
    map.on("popupclose", (event) => {
      const node = event.popup.getElement();
      const inside = node && node.contains(document.activeElement);
      if (opener && opener.isConnected && (inside || document.activeElement === document.body)) opener.focus({ preventScroll: true });
      opener = null;
    });
    let frame = 0;
    const soon = () => {
      clearTimeout(frame);
      frame = setTimeout(update, 120);
    };
    map.on("moveend zoomend layeradd layerremove cpec:year", soon);
    update();
  };

  // The search as a combobox: its list, whether it is open, and which row is chosen.
  cpecgeo.combobox = function (box) {
    const input = box.querySelector("input");
    const list = box.querySelector("ul");
    list.id = "cpec-found";
    const set = { role: "combobox", "aria-controls": list.id, "aria-autocomplete": "list", "aria-expanded": "false" };
    for (const [key, value] of Object.entries(set)) input.setAttribute(key, value);
    const update = () => {
      const rows = [...list.querySelectorAll("li")];
      const open = rows.length > 0 && list.style.display !== "none";
      input.setAttribute("aria-expanded", String(open));
      let chosen = "";
      rows.forEach((row, k) => {
        if (row.id !== "cpec-found-" + k) row.id = "cpec-found-" + k;
        const is = row.classList.contains("search-tip-select");
        if (row.getAttribute("aria-selected") !== String(is)) row.setAttribute("aria-selected", String(is));
        if (is) chosen = row.id;
      });
      if (open && chosen) input.setAttribute("aria-activedescendant", chosen);
      else input.removeAttribute("aria-activedescendant");
    };
    new MutationObserver(update).observe(list, { childList: true, subtree: true, attributes: true, attributeFilter: ["class", "style"] });
  };
})();
