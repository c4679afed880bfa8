// Labels that never lie on each other: the more important is placed first, and what finds no
// room waits for a closer look.

(function () {
  const { el, cell } = cpecgeo;

  // Middle of a line's longest part, or the point inside an area that the data names.
  function anchor(layer, i) {
    const at = layer.labelAt && layer.labelAt[i];
    if (at) return L.latLng(cpecgeo.latlngs(at)[0]);
    const [type, parts] = layer.geometry[i] || [0];
    if (!type) return null;
    if (type === 1) return L.latLng(cpecgeo.latlngs(parts, layer.style.unit)[0]);
    const rings = type === 2 ? parts : parts.map((rings) => rings[0]);
    const longest = cpecgeo.latlngs(
      rings.reduce((a, b) => (b.length > a.length ? b : a)), layer.style.unit,
    );
    if (type === 2) return L.latLng(longest[Math.floor(longest.length / 2)]);
    return L.latLngBounds(longest).getCenter();
  }

  function collect(map) {
    const all = [];
    for (const group of Object.values(map.cpec.layers)) {
      const layer = group.cpecLayer;
      const column = layer.style.label;
      if (!column || layer.cloud) continue;
      for (let i = 0; i < layer.n; i += 1) {
        const text = cell(layer.columns[column], i);
        const at = text === null || text === undefined || text === "" ? null : anchor(layer, i);
        if (!at) continue;
        all.push({
          group, layer, i, at,
          text: String(text).slice(0, 60),
          type: layer.style.hidden ? 0 : layer.geometry[i][0],
          zoom: layer.style.zooms ? layer.style.zooms[i] : layer.style.labelZoom,
          rank: (layer.style.order || 0) * 1e9 + (Number(cell(layer.columns[layer.style.rank], i)) || 0),
        });
      }
    }
    return all.sort((a, b) => b.rank - a.rank);
  }

  // Places to try, relative to the point: right, left, above, below.
  function candidates(type, size, gap) {
    const [w, h] = size;
    if (type !== 1) return [0, -18, 18, -36, 36].map((shift) => [-w / 2, shift - h / 2]);
    return [[gap, -h / 2], [-gap - w, -h / 2], [-w / 2, -gap - h], [-w / 2, gap]];
  }

  const Labels = L.Layer.extend({
    onAdd: function (map) {
      this._all = collect(map);
      this._box = el("div", { class: "cpec-labels", "aria-hidden": "true" });
      this._sizes = new Map();
      map.getPane("cpec-labels").append(this._box);
      map.on("zoomstart", this._hide, this);
      map.on("moveend zoomend resize layeradd layerremove cpec:year", this._soon, this);
      this.draw();
    },
    _hide: function () { this._box.style.visibility = "hidden"; },
    _soon: function () {
      cancelAnimationFrame(this._frame);
      this._frame = requestAnimationFrame(() => this.draw());
    },
    // Width and height of a text; texts are measured once per style.
    _size: function (text, style) {
      const key = style + "\n" + text;
      if (!this._sizes.has(key)) {
        const probe = el("div", { class: "cpec-label cpec-label-" + style }, text);
        this._box.append(probe);
        this._sizes.set(key, [probe.offsetWidth, probe.offsetHeight]);
        probe.remove();
      }
      return this._sizes.get(key);
    },
    draw: function () {
      const map = this._map;
      const zoom = map.getZoom();
      const view = map.getBounds().pad(0.1);
      const year = map.cpec.year;
      const taken = [];
      const made = [];
      const said = new Set();
      this._box.textContent = "";
      // Names keep clear of the symbols of sites; those of cities are worth more than a symbol.
      const symbols = [];
      for (const one of this._all) {
        if (one.type !== 1 || zoom < (one.layer.style.fromZoom || 0)) continue;
        if (!view.contains(one.at) || !map.hasLayer(one.group)) continue;
        const p = map.latLngToLayerPoint(one.at);
        const r = one.layer.style.radius;
        symbols.push([p.x - r, p.y - r, p.x + r, p.y + r]);
      }
      for (const one of this._all) {
        if (zoom < one.zoom || !view.contains(one.at) || !map.hasLayer(one.group)) continue;
        if (year !== null && !cpecgeo.stands(one.layer, one.i, year)) continue;
        if (one.layer.style.once && said.has(one.text)) continue;
        const style = one.layer.style.labelClass;
        const size = this._size(one.text, style);
        const p = map.latLngToLayerPoint(one.at);
        const others = one.layer.style.order >= 4 ? taken : taken.concat(symbols);
        const spot = candidates(one.type, size, one.layer.style.radius + 3)
          .map(([dx, dy]) => [p.x + dx, p.y + dy, p.x + dx + size[0], p.y + dy + size[1]])
          .find((b) => !others.some((t) => b[0] < t[2] && b[2] > t[0] && b[1] < t[3] && b[3] > t[1]));
        if (!spot) continue;
        taken.push(spot);
        said.add(one.text);
        const node = el("div", { class: "cpec-label cpec-label-" + style, dir: "auto" }, one.text);
        node.style.transform = "translate(" + Math.round(spot[0]) + "px," + Math.round(spot[1]) + "px)";
        made.push(node);
      }
      this._box.append(...made);
      this._box.style.visibility = "";
      map.cpec.taken = taken;
      map.fire("cpec:labels");
    },
  });

  cpecgeo.labels = (map) => new Labels().addTo(map);
})();
