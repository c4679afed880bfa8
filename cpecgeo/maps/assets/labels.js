// Labels that never lie on each other: the more important is placed first, and what finds no
// room waits for a closer look.

(function () {
  const { el, cell } = cpecgeo;

  // The longest part of a line, or the outer rings' longest, as [lat, lon] pairs.
  function longest(layer, i) {
    const [type, parts] = layer.geometry[i];
    const rings = type === 2 ? parts : parts.map((all) => all[0]);
    return cpecgeo.latlngs(rings.reduce((a, b) => (b.length > a.length ? b : a)), layer.style.unit);
  }

  // A point, or the place inside an area that the data names.
  function anchor(layer, i) {
    const at = layer.labelAt && layer.labelAt[i];
    if (at) return L.latLng(cpecgeo.latlngs(at)[0]);
    const [type, parts] = layer.geometry[i] || [0];
    if (!type) return null;
    if (type === 1) return L.latLng(cpecgeo.latlngs(parts, layer.style.unit)[0]);
    const line = longest(layer, i);
    return type === 2 ? L.latLng(line[Math.floor(line.length / 2)]) : L.latLngBounds(line).getCenter();
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
          places: layer.style.hidden ? cpecgeo.latlngs(layer.geometry[i][1], layer.style.unit) : null,
          line: layer.geometry[i][0] === 2 ? longest(layer, i) : null,
          zoom: layer.style.zooms ? layer.style.zooms[i] : layer.style.labelZoom,
          rank: (layer.style.order || 0) * 1e9 + (Number(cell(layer.columns[layer.style.rank], i)) || 0),
        });
      }
    }
    return all.sort((a, b) => b.rank - a.rank);
  }

  const SHIFTS = [0, -12, 12, -24, 24];
  const ALONG = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9];

  // Boxes to try, best first. A line's name lies on the part of the line that is in view; a
  // point's is right, left, above or below of it; an area's lies about places inside it.
  function boxes(map, one, [w, h], view) {
    const box = (x, y) => [x, y, x + w, y + h];
    if (one.line) {
      const seen = one.line.filter((p) => view.contains(p));
      return ALONG.map((f) => seen[Math.floor(f * seen.length)]).filter(Boolean)
        .map((at) => map.latLngToLayerPoint(at)).map((p) => box(p.x - w / 2, p.y - h / 2));
    }
    if (one.type !== 1) {
      return (one.places || [one.at]).map((at) => map.latLngToLayerPoint(at)).flatMap((p) =>
        SHIFTS.map((shift) => box(p.x - w / 2, p.y + shift - h / 2)));
    }
    const p = map.latLngToLayerPoint(one.at);
    const gap = one.layer.style.radius + 3;
    return [box(p.x + gap, p.y - h / 2), box(p.x - gap - w, p.y - h / 2),
      box(p.x - w / 2, p.y - gap - h), box(p.x - w / 2, p.y + gap)];
  }

  const meet = (a, b) => a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1];

  // Where controls lie, in the map's own pixels.
  function panels(map) {
    const frame = map.getContainer().getBoundingClientRect();
    const shift = map.containerPointToLayerPoint([0, 0]);
    return [...map.getContainer().querySelectorAll(".leaflet-control")].filter((e) => e.offsetParent)
      .map((e) => e.getBoundingClientRect())
      .map((r) => [r.left, r.top, r.right, r.bottom].map((v, k) =>
        v - (k % 2 ? frame.top - shift.y : frame.left - shift.x)));
  }

  const CELL = 12;

  // Squares through which lines run; a name that crosses none is easier to read.
  function crossedCells(map, all, view) {
    const cells = new Set();
    for (const one of all) {
      if (!one.line || one.layer.style.pane !== "line" || !map.hasLayer(one.group)) continue;
      for (const at of one.line) {
        if (!view.contains(at)) continue;
        const p = map.latLngToLayerPoint(at);
        cells.add(Math.floor(p.x / CELL) + "," + Math.floor(p.y / CELL));
      }
    }
    return cells;
  }

  function crosses(b, cells) {
    for (let x = Math.floor(b[0] / CELL); x * CELL < b[2]; x += 1) {
      for (let y = Math.floor(b[1] / CELL); y * CELL < b[3]; y += 1) {
        if (cells.has(x + "," + y)) return true;
      }
    }
    return false;
  }

  const Labels = L.Layer.extend({
    onAdd: function (map) {
      this._all = collect(map);
      this._box = el("div", { class: "cpec-labels", "aria-hidden": "true" });
      this._sizes = new Map();
      map.getPane("cpec-labels").append(this._box);
      map.on("zoomstart", this._hide, this);
      map.on("moveend zoomend resize layeradd layerremove cpec:year cpec:panels", this._soon, this);
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
      const taken = panels(map);
      const made = [];
      const said = new Set();
      this._box.textContent = "";
      const cells = crossedCells(map, this._all, view);
      const corner = map.containerPointToLayerPoint([0, 0]);
      const far = corner.add(map.getSize());
      // A name at the edge is whole or not there.
      const cut = (b) => meet(b, [corner.x, corner.y, far.x, far.y])
        && (b[0] < corner.x || b[1] < corner.y || b[2] > far.x || b[3] > far.y);
      // Names keep clear of the symbols of sites; those of cities are worth more than a symbol.
      const symbols = [];
      for (const one of this._all) {
        const style = one.layer.style;
        if (one.type !== 1 || zoom < (style.fromZoom || 0) || (style.zooms && zoom < one.zoom)) continue;
        if (!view.contains(one.at) || !map.hasLayer(one.group)) continue;
        const p = map.latLngToLayerPoint(one.at);
        symbols.push([p.x - style.radius, p.y - style.radius, p.x + style.radius, p.y + style.radius]);
      }
      for (const one of this._all) {
        if (zoom < one.zoom || !map.hasLayer(one.group)) continue;
        if (!one.line && !view.contains(one.at)) continue;
        if (year !== null && !cpecgeo.stands(one.layer, one.i, year)) continue;
        if (one.layer.style.once && said.has(one.text)) continue;
        const style = one.layer.style.labelClass;
        const size = this._size(one.text, style);
        const others = one.layer.style.order >= 4 ? taken : taken.concat(symbols);
        const free = boxes(map, one, size, view)
          .filter((b) => !cut(b) && !others.some((t) => meet(b, t)));
        const spot = (one.line ? null : free.find((b) => !crosses(b, cells))) || free[0];
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
