// Labels that never overlap: the more important one is placed first, and one without room
// appears at a larger scale.

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

  // A line among others of its kind is named by its own name, in its own colour.
  const brief = ({ style, name }) => (style.apart ? (cpecgeo.lang() === "en" && style.brief) || name.split(/[,，،]/)[0] : null);

  function collect(map) {
    const all = [];
    for (const group of Object.values(map.cpec.layers)) {
      const layer = group.cpecLayer;
      const column = layer.style.label;
      if (!column || layer.cloud) continue;
      for (let i = 0; i < layer.n; i += 1) {
        const own = column === "name" ? cell(layer.columns["name_" + cpecgeo.lang()], i) : null;
        const text = own || cell(layer.columns[column], i) || brief(layer);
        const at = text === null || text === undefined || text === "" ? null : anchor(layer, i);
        if (!at) continue;
        all.push({
          group, layer, i, at,
          text: String(text).slice(0, 60),
          type: layer.style.hidden ? 0 : layer.geometry[i][0],
          places: layer.style.hidden ? cpecgeo.latlngs(layer.geometry[i][1], layer.style.unit) : null,
          line: layer.geometry[i][0] === 2 ? longest(layer, i) : null,
          zoom: (layer.style.zooms || layer.style.labelZooms || {})[i] ?? layer.style.labelZoom,
          // Where a column gives the size, larger symbols are named first.
          rank: (layer.style.order || 0) * 1e9 + (Number(cell(layer.columns[layer.style.rank], i)) || 0)
            + (layer.style.rank ? 0 : layer.looks[layer.look ? layer.look[i] : 0].radius || 0),
        });
      }
    }
    return all.sort((a, b) => b.rank - a.rank);
  }

  // From this rank on a name is written even where it can only lie on a symbol.
  const HUB = 4e9 + 6e8;
  const SHIFTS = [0, -12, 12, -24, 24];
  const ALONG = [0.5, 0.4, 0.6, 0.3, 0.7, 0.2, 0.8, 0.1, 0.9];

  // Pixels from a symbol's middle to its edge.
  function halfOf(map, layer, i) {
    const look = layer.looks[layer.look ? layer.look[i] : 0];
    const r = cpecgeo.radiusOf(layer, i);
    if (look.shape === "circle") return r + 0.6;
    return r * (look.radius ? 1 : 1.5) * Math.min(cpecgeo.growth(map.getZoom()), 1.15);
  }

  // Boxes to try, best first. A line's name lies on the part of the line that is in view; a
  // point's is right, left, above or below of it, then at its corners, then further off; an
  // area's lies inside it.
  function boxes(map, one, [w, h], view, cities) {
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
    const item = one.group.cpecItems[one.i];
    const p = map.latLngToLayerPoint(one.at).add((item && item.cpecAside) || [0, 0]);
    const gap = halfOf(map, one.layer, one.i) + 2;
    const around = (far) => [box(p.x + far, p.y - h / 2), box(p.x - far - w, p.y - h / 2),
      box(p.x - w / 2, p.y - far - h), box(p.x - w / 2, p.y + far)];
    const corners = (far) => [box(p.x + far - 2, p.y - far - h + 3), box(p.x - far - w + 2, p.y - far - h + 3),
      box(p.x + far - 2, p.y + far - 3), box(p.x - far - w + 2, p.y + far - 3)];
    const close = [...around(gap), ...corners(gap), ...around(gap + 5), ...corners(gap + 4)];
    const far = one.rank >= HUB ? [gap + 8, gap + 15, gap + 22].flatMap((px) => [...around(px), ...corners(px)]) : [];
    // A name away from its own symbol must not be beside another city's.
    const others = far.length ? cities.filter((at) => at.distanceTo(p) > 0.5) : [];
    return [...close, ...far.filter((b) => others.every((at) => away(at, b) > Math.min(away(p, b), APART)))];
  }

  const APART = 18;

  // Pixels from a point to a box.
  const away = (p, b) => Math.hypot(Math.max(b[0] - p.x, 0, p.x - b[2]), Math.max(b[1] - p.y, 0, p.y - b[3]));

  const meet = (a, b) => a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1];

  // Where controls lie, in the map's own pixels.
  function panels(map) {
    const frame = map.getContainer().getBoundingClientRect();
    const shift = map.containerPointToLayerPoint([0, 0]);
    return [...map.getContainer().querySelectorAll(".leaflet-control, .cpec-corner")].filter((e) => e.offsetParent)
      .map((e) => e.getBoundingClientRect())
      .map((r) => [r.left, r.top, r.right, r.bottom].map((v, k) =>
        v - (k % 2 ? frame.top - shift.y : frame.left - shift.x)));
  }

  const CELL = 6;
  const squareOf = (x, y) => Math.floor(x / CELL) + "," + Math.floor(y / CELL);

  // Squares through which drawn lines run; a name that crosses none is easier to read.
  function lineCells(map, [left, top, right, bottom]) {
    const cells = new Set();
    cpecgeo.eachItem(map, (group, item) => {
      const layer = group.cpecLayer;
      if (layer.style.pane !== "line" || layer.style.solid || !item._map) return;
      for (const part of item._parts || []) {
        for (let k = 1; k < part.length; k += 1) {
          const [a, b] = [part[k - 1], part[k]];
          const steps = Math.ceil(Math.hypot(b.x - a.x, b.y - a.y) / (CELL / 2));
          for (let n = 0; n <= steps; n += 1) {
            const x = a.x + ((b.x - a.x) * n) / (steps || 1);
            const y = a.y + ((b.y - a.y) * n) / (steps || 1);
            if (x > left && x < right && y > top && y < bottom) cells.add(squareOf(x, y));
          }
        }
      }
    });
    return cells;
  }

  // Boxes of the symbols in view, labelled or not, by squares of a side that few of them exceed.
  const SIDE = 32;
  const binOf = (x, y) => (x + 32768) * 65536 + y + 32768;
  const range = (b) => b.map((v) => Math.floor(v / SIDE));

  function symbolBoxes(map, view, zoom) {
    const found = new Map();
    const put = (p, r) => {
      const b = [p.x - r, p.y - r, p.x + r, p.y + r];
      const [x0, y0, x1, y1] = range(b);
      for (let x = x0; x <= x1; x += 1) {
        for (let y = y0; y <= y1; y += 1) {
          const key = binOf(x, y);
          if (found.has(key)) found.get(key).push(b);
          else found.set(key, [b]);
        }
      }
    };
    cpecgeo.eachItem(map, (group, item, i) => {
      const style = group.cpecLayer.style;
      if (!item.getLatLng || !item._map || zoom < (style.fromZoom || 0)) return;
      if ((style.zooms && zoom < style.zooms[i]) || !view.contains(item.getLatLng())) return;
      put(map.latLngToLayerPoint(item.getLatLng()).add(item.cpecAside || [0, 0]), halfOf(map, group.cpecLayer, i));
    });
    for (const group of Object.values(map.cpec.layers)) {
      if (!group._groups || !map.hasLayer(group)) continue;
      const shift = group._sheet.origin.subtract(map.getPixelOrigin());
      for (const one of group._groups) put(shift.add([one.x, one.y]), one.r);
    }
    return found;
  }

  // How much of the symbols a name would cover; one pixel of its padding on either side may touch.
  function touched(b, symbols) {
    const text = [b[0] + 1, b[1], b[2] - 1, b[3]];
    const [x0, y0, x1, y1] = range(text);
    let count = 0;
    for (let x = x0; x <= x1; x += 1) {
      for (let y = y0; y <= y1; y += 1) {
        for (const one of symbols.get(binOf(x, y)) || []) count += meet(text, one);
      }
    }
    return count;
  }

  cpecgeo.touched = touched;

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
      // Lines are cut for a new zoom only by the end of the move, which draws again.
      if (map._animatingZoom) return;
      const zoom = map.getZoom();
      const view = map.getBounds().pad(0.1);
      const time = map.cpec.time;
      const taken = panels(map);
      const made = [];
      const said = new Set();
      this._box.textContent = "";
      const corner = map.containerPointToLayerPoint([0, 0]);
      const far = corner.add(map.getSize());
      const lines = lineCells(map, [corner.x, corner.y, far.x, far.y]);
      const symbols = symbolBoxes(map, view, zoom);
      // A name at the edge is whole or not there.
      const cut = (b) => meet(b, [corner.x, corner.y, far.x, far.y])
        && (b[0] < corner.x || b[1] < corner.y || b[2] > far.x || b[3] > far.y);
      const cities = this._all.filter((one) => one.layer.style.role === "city" && map.hasLayer(one.group) && view.contains(one.at))
        .map((one) => map.latLngToLayerPoint(one.at));
      for (const one of this._all) {
        if (zoom < one.zoom || !map.hasLayer(one.group)) continue;
        if (!one.line && !view.contains(one.at)) continue;
        if (time !== null && !cpecgeo.stands(one.layer, one.i, time)) continue;
        if (one.layer.style.once && said.has(one.text)) continue;
        const style = one.layer.style.labelClass;
        const size = this._size(one.text, style);
        const free = boxes(map, one, size, view, cities).filter((b) => !cut(b) && !taken.some((t) => meet(b, t)));
        // Names keep clear of symbols and lines; that of a hub is worth more than a symbol.
        const clear = free.filter((b) => touched(b, symbols) === 0);
        // Cities and areas may lie on a line where nothing else is left; a stop's name never.
        const spot = one.line ? clear[0] : clear.find((b) => !crosses(b, lines))
          || (one.type !== 1 || one.layer.style.order >= 4 ? clear[0] : null)
          || (one.rank >= HUB ? free.reduce((a, b) => (touched(b, symbols) < touched(a, symbols) ? b : a), free[0]) : null);
        if (!spot) continue;
        taken.push(spot);
        said.add(one.text);
        const node = el("div", { class: "cpec-label cpec-label-" + style, dir: "auto" }, one.text);
        if (one.layer.style.apart) node.style.color = one.layer.looks[0].color;
        node.style.transform = "translate(" + Math.round(spot[0]) + "px," + Math.round(spot[1]) + "px)";
        made.push(node);
      }
      this._box.append(...made);
      this._box.style.visibility = "";
      Object.assign(map.cpec, { taken, symbols });
      map.fire("cpec:labels");
    },
  });

  cpecgeo.labels = (map) => new Labels().addTo(map);
})();
