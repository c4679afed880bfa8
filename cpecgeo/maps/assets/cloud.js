// Many points on one canvas. Positions are kept as flat arrays of projected coordinates, a grid
// answers which point is under the pointer, and panning moves the canvas without repainting.

(function () {
// A dot in device pixels, as the bytes of its square.
function stamp(color, radius) {
  const side = 2 * Math.ceil(radius) + 1;
  const made = document.createElement("canvas");
  made.width = side;
  made.height = side;
  const pen = made.getContext("2d", { willReadFrequently: true });
  pen.fillStyle = color;
  pen.globalAlpha = 0.8;
  pen.beginPath();
  pen.arc(side / 2, side / 2, radius, 0, 2 * Math.PI);
  pen.fill();
  return { side, bytes: pen.getImageData(0, 0, side, side).data };
}

// Lays a dot over a picture. A path or a copy per dot on a canvas takes ten times as long.
function press(picture, dot, left, top) {
  const { width, height, data } = picture;
  const { side, bytes } = dot;
  for (let row = 0; row < side; row += 1) {
    const y = top + row;
    if (y < 0 || y >= height) continue;
    for (let column = 0; column < side; column += 1) {
      const x = left + column;
      const from = 4 * (row * side + column);
      const above = bytes[from + 3] / 255;
      if (above === 0 || x < 0 || x >= width) continue;
      const to = 4 * (y * width + x);
      const below = (data[to + 3] / 255) * (1 - above);
      const both = above + below;
      data[to] = (bytes[from] * above + data[to] * below) / both;
      data[to + 1] = (bytes[from + 1] * above + data[to + 1] * below) / both;
      data[to + 2] = (bytes[from + 2] * above + data[to + 2] * below) / both;
      data[to + 3] = both * 255;
    }
  }
}

cpecgeo.Cloud = L.Layer.extend({
  initialize: function (layer) {
    const flat = cpecgeo.integers(layer.cloud);
    const n = layer.n;
    this._layer = layer;
    this._x = new Float64Array(n);
    this._y = new Float64Array(n);
    this._shown = new Uint8Array(n).fill(1);
    let lon = 0;
    let lat = 0;
    for (let i = 0; i < n; i += 1) {
      lon += flat[2 * i];
      lat += flat[2 * i + 1];
      // Web Mercator of leaflet, at zoom 0.
      const sin = Math.sin((Math.max(-85.0511, Math.min(85.0511, lat * 1e-5)) * Math.PI) / 180);
      this._x[i] = 128 + (lon * 1e-5 * 256) / 360;
      this._y[i] = 128 - (Math.log((1 + sin) / (1 - sin)) * 64) / Math.PI;
    }
    layer.cloud = true;
  },

  onAdd: function (map) {
    this._map = map;
    this._canvas = L.DomUtil.create("canvas", "cpec-cloud leaflet-zoom-hide");
    this._canvas.setAttribute("aria-hidden", "true");
    map.getPane(this._layer.pane).appendChild(this._canvas);
    map.on("moveend zoomend viewreset resize", this.draw, this);
    map.on("click", this._click, this);
    map.on("mousemove", this._hover, this);
    this.draw();
  },

  onRemove: function (map) {
    this._canvas.remove();
    map.off("moveend zoomend viewreset resize", this.draw, this);
    map.off("click", this._click, this);
    map.off("mousemove", this._hover, this);
    map.getContainer().classList.remove("cpec-pointing");
  },

  // Only points for which `test(i)` holds.
  filter: function (test) {
    for (let i = 0; i < this._layer.n; i += 1) this._shown[i] = test(i) ? 1 : 0;
    if (this._map) this.draw();
  },

  // The canvas over the view and a margin around it, and the positions of points on it.
  lay: function () {
    const map = this._map;
    const margin = map.getSize().multiplyBy(0.3).round();
    const extent = map.getSize().add(margin.multiplyBy(2));
    const ratio = window.devicePixelRatio || 1;
    const corner = map.containerPointToLayerPoint(margin.multiplyBy(-1)).round();
    L.DomUtil.setPosition(this._canvas, corner);
    this._canvas.width = extent.x * ratio;
    this._canvas.height = extent.y * ratio;
    this._canvas.style.width = extent.x + "px";
    this._canvas.style.height = extent.y + "px";
    this._sheet = { pen: this._canvas.getContext("2d"), extent, ratio,
      origin: map.getPixelOrigin().add(corner), scale: Math.pow(2, map.getZoom()) };
    return this._sheet;
  },

  draw: function () {
    if (!this._map) return;
    const { pen, extent, ratio, origin, scale } = this.lay();
    const look = this._layer.look;
    const looks = this._layer.looks;
    // At small scales points overlap, so they are drawn smaller.
    const zoom = this._map.getZoom();
    const growth = Math.min(1, Math.max(0.35, (zoom - 2) / 8));
    const radii = looks.map((one) => (one.radius ?? this._layer.style.radius) * growth);
    const radius = Math.max(...radii);
    this._radius = radius;
    const cells = new Map();
    const wide = Math.ceil(extent.x / 16) + 1;
    const dots = looks.map((one, k) => stamp(one.color, radii[k] * ratio));
    const picture = pen.createImageData(this._canvas.width, this._canvas.height);
    for (let i = 0; i < this._layer.n; i += 1) {
      if (this._shown[i] === 0) continue;
      const x = this._x[i] * scale - origin.x;
      if (x < -radius || x > extent.x + radius) continue;
      const y = this._y[i] * scale - origin.y;
      if (y < -radius || y > extent.y + radius) continue;
      const dot = dots[look ? look[i] : 0];
      press(picture, dot, Math.round(x * ratio - dot.side / 2), Math.round(y * ratio - dot.side / 2));
      const at = Math.floor(x / 16) + wide * Math.floor(y / 16);
      const list = cells.get(at);
      if (list) list.push(i);
      else cells.set(at, [i]);
    }
    pen.putImageData(picture, 0, 0);
    this._grid = { cells, wide, origin, scale };
  },

  _at: function (layerPoint) {
    const { cells, wide, origin, scale } = this._grid;
    const here = layerPoint.add(this._map.getPixelOrigin()).subtract(origin);
    const reach = Math.min(16, this._radius + 4);
    let best = -1;
    let least = reach * reach;
    for (let dx = -1; dx <= 1; dx += 1) {
      for (let dy = -1; dy <= 1; dy += 1) {
        const at = Math.floor(here.x / 16) + dx + wide * (Math.floor(here.y / 16) + dy);
        for (const i of cells.get(at) || []) {
          const ex = this._x[i] * scale - origin.x - here.x;
          const ey = this._y[i] * scale - origin.y - here.y;
          const far = ex * ex + ey * ey;
          if (far <= least) {
            least = far;
            best = i;
          }
        }
      }
    }
    return best;
  },

  _latlng: function (i) {
    return this._map.unproject(L.point(this._x[i], this._y[i]), 0);
  },

  _hover: function (event) {
    if (!this._grid || !this._layer.style.interactive) return;
    const over = this._at(event.layerPoint) >= 0;
    this._map.getContainer().classList.toggle("cpec-pointing", over);
  },

  _click: function (event) {
    if (!this._grid || !this._layer.style.interactive || cpecgeo.measuring) return;
    const i = this._at(event.layerPoint);
    if (i >= 0) this.open(i);
  },

  open: function (i) {
    L.popup({ maxWidth: 340, minWidth: 200, autoPan: false, cpecId: [this._layer.key, i] }).setLatLng(this._latlng(i))
      .setContent(cpecgeo.popup(this._layer, i)).openOn(this._map);
  },

  goTo: function (map, i) {
    const at = map.unproject(L.point(this._x[i], this._y[i]), 0);
    map.setView(at, Math.max(map.getZoom(), 12), { animate: !cpecgeo.still() });
    this.open(i);
  },
});
})();
