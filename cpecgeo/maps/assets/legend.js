// The legend follows the layers that are drawn: kinds by colour and shape, status by dash.

(function () {
  const { el, t } = cpecgeo;
  const ORDER = ["operating", "under_construction", "planned", "suspended", "closed"];
  const DASH = {
    operating: "", under_construction: "3 1.6", planned: "0.6 1.8",
    suspended: "5 1.2 0.6 1.2", closed: "1.2 2.6",
  };

  function svgLine(color, dash, weight, ties) {
    const holder = el("span", { class: "cpec-symbol", "aria-hidden": "true" });
    holder.innerHTML = '<svg width="34" height="12"><path d="M2 6H32" fill="none"/><path d="M6 2V10M13 2V10M20 2V10M27 2V10" fill="none"/></svg>';
    const [path, bars] = holder.firstChild.children;
    if (ties) bars.setAttribute("stroke", color);
    else bars.remove();
    path.setAttribute("stroke", color);
    path.setAttribute("stroke-width", Math.min(weight, 11));
    if (dash) path.setAttribute("stroke-dasharray", cpecgeo.dashes(dash, weight));
    if (dash.startsWith("0.")) path.setAttribute("stroke-linecap", "round");
    return holder;
  }

  // A sample that looks as the map does: areas by their opacity, railways by their ties.
  cpecgeo.swatch = function (entry, layer) {
    if (entry.type === "classes") {
      // Of several classes the first, the middle and the last.
      const some = [...new Set(entry.colors)];
      const row = el("span", { class: "cpec-symbol cpec-classes", "aria-hidden": "true" });
      for (const color of new Set([some[0], some[some.length >> 1], some[some.length - 1]])) {
        const part = el("i", {});
        part.style.backgroundColor = color;
        row.append(part);
      }
      return row;
    }
    if (entry.type === "none") return el("span", { class: "cpec-symbol" });
    if (entry.type === "line" && entry.size) return svgLine(entry.color, "", entry.size);
    if (entry.size) return cpecgeo.symbol(entry.shape, entry.color, Math.round((entry.size * 20) / 7));
    if (entry.type === "line") return svgLine(entry.color, entry.dash || "", entry.dash ? 1.4 : 3, entry.ties);
    if (entry.type === "area") {
      const box = el("span", { class: "cpec-symbol cpec-area", "aria-hidden": "true" });
      const fill = el("i", {});
      fill.style.backgroundColor = entry.color;
      fill.style.opacity = layer && !entry.solid ? layer.style.fill : 1;
      box.style.borderColor = entry.color;
      box.append(fill);
      return box;
    }
    return cpecgeo.symbol(entry.shape, entry.color, 15, layer && layer.style.outlined);
  };

  // Looks and statuses of a layer's features that are in view and exist in the chosen year.
  function inView(map, group, view) {
    const layer = group.cpecLayer;
    const colors = new Set();
    const statuses = new Set();
    if (layer.cloud) {
      layer.looks.forEach((look) => colors.add(look.color));
      return { colors, statuses };
    }
    group.cpecItems.forEach((item, i) => {
      if (!item || !group.hasLayer(item)) return;
      const { color } = layer.looks[layer.look ? layer.look[i] : 0];
      const status = cpecgeo.cell(layer.columns.status, i);
      if (colors.has(color) && (!status || statuses.has(status))) return;
      const seen = item.getBounds ? view.intersects(item.getBounds()) : view.contains(item.getLatLng());
      if (!seen) return;
      // The box of a line is wider than the line.
      if (item instanceof L.Polyline && !(item instanceof L.Polygon) && !cpecgeo.inSight(map, item, 0).length) return;
      colors.add(color);
      if (status) statuses.add(status);
    });
    return { colors, statuses };
  }

  // How many points a square kilometre has where they lie thickest in this view.
  function thickness(layer) {
    if (!layer.density) return [];
    const label = (share) => cpecgeo.number(Number((layer.density * share).toPrecision(2)), 6);
    return [1, 0.5, 0.1].map((share) => ({
      heading: t("{name}, per km²", { name: layer.name }), label: t("about {figure}", { figure: label(share) }), type: "area", solid: true,
      color: "rgb(" + cpecgeo.densityColor(share).join(",") + ")",
    }));
  }

  function entries(map) {
    const found = new Map();
    const statuses = new Set();
    const view = map.getBounds();
    // The map's subject comes before the background.
    const { order, layers } = map.cpec.data;
    const isGround = (key) => layers[key].style.pane === "background" || layers[key].style.role === "district";
    for (const key of [...order.filter((k) => !isGround(k)), ...order.filter(isGround)]) {
      const group = map.cpec.layers[key];
      if (!group || !map.hasLayer(group)) continue;
      const layer = group.cpecLayer;
      if (map.getZoom() < (layer.style.fromZoom || 0) || !(layer.legend || []).length) continue;
      const seen = inView(map, group, view);
      if (!seen.colors.size) continue;
      const thick = layer.cluster === "density" ? thickness(layer) : null;
      for (const entry of thick || layer.legend) {
        // The classes of a value make sense together; kinds are named where there are some.
        if (!layer.legendTitle && !entry.heading && !seen.colors.has(entry.color)) continue;
        const full = Object.assign({ heading: layer.legendTitle || "", layer }, entry,
          { label: entry.label || layer.name });
        found.set([full.heading, full.label, full.color, full.type, full.shape, full.dash, full.size].join("\n"), full);
      }
      if (layer.control) {
        for (const status of layer.statuses || []) if (seen.statuses.has(status)) statuses.add(status);
      }
    }
    if (map.cpec.banded) {
      found.set("band", { heading: "", label: t("Line lies within (95 %)"), type: "area", color: "#d8d4cc", solid: true });
    }
    if (map.cpec.vague) {
      found.set("vague", { heading: "", label: t("Line known to {figure}: more than this view", { figure: map.cpec.vague }), type: "none" });
    }
    return [[...found.values()], ORDER.filter((s) => statuses.has(s))];
  }

  cpecgeo.Legend = L.Control.extend({
    options: { position: "bottomleft" },
    onAdd: function (map) {
      this._list = el("ul", { class: "cpec-legend-list" });
      this._details = el("details", { class: "cpec-legend leaflet-bar" },
        el("summary", {}, t("Legend")), this._list);
      this._details.open = map.getSize().x >= 700;
      L.DomEvent.disableClickPropagation(this._details);
      L.DomEvent.disableScrollPropagation(this._details);
      map.on("layeradd layerremove zoomend moveend cpec:year cpec:density", this._soon, this);
      this._details.addEventListener("toggle", () => {
        const note = document.querySelector(".cpec-note");
        if (this._details.open && note && map.getSize().x < 700) note.open = false;
        map.fire("cpec:panels");
      });
      this._fill(map);
      return this._details;
    },
    onRemove: function (map) { map.off("layeradd layerremove zoomend moveend cpec:year cpec:density", this._soon, this); },
    _soon: function () {
      clearTimeout(this._timer);
      this._timer = setTimeout(() => this.update(), 30);
    },
    update: function () { if (this._map) this._fill(this._map); },
    _fill: function (map) {
      const [kinds, statuses] = entries(map);
      const rows = [];
      let heading = "";
      for (const entry of kinds) {
        if (entry.heading && entry.heading !== heading) {
          rows.push(el("li", { class: "cpec-legend-title", dir: "auto" }, entry.heading.slice(0, 80)));
        }
        heading = entry.heading;
        rows.push(el("li", {}, cpecgeo.swatch(entry, entry.layer),
          el("span", { dir: "auto" }, entry.label.slice(0, 80))));
      }
      if (statuses.length > 1 || (statuses.length === 1 && statuses[0] !== "operating")) {
        for (const status of statuses) {
          const first = status === statuses[0] && rows.length ? " cpec-legend-first" : "";
          rows.push(el("li", { class: "cpec-legend-status" + first }, svgLine("#3a3a3a", DASH[status], 3),
            el("span", {}, cpecgeo.status(status))));
        }
      }
      this._list.replaceChildren(...rows);
      map.fire("cpec:panels");
    },
  });
})();
