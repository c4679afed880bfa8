// Points that are close on the screen, grouped under their count, or the density of all points as a
// picture. Cells are fixed to the world, so that panning changes no count.

(function () {
  const CELL = 64;
  // Pixels of a cell of density, and how many cells each point is spread over to either side.
  const FINE = 4;
  const SPREAD = 5;
  const RAMP = [[246, 214, 166], [226, 140, 72], [176, 62, 30], [96, 20, 32]];

  // Groups of points in a cell, then of cells with middles close together.
  function gather(crowd, { extent, origin, scale }) {
    const cells = new Map();
    for (let i = 0; i < crowd._layer.n; i += 1) {
      if (crowd._shown[i] === 0) continue;
      const x = crowd._x[i] * scale;
      const y = crowd._y[i] * scale;
      if (x - origin.x < -CELL || y - origin.y < -CELL) continue;
      if (x - origin.x > extent.x + CELL || y - origin.y > extent.y + CELL) continue;
      const key = Math.floor(x / CELL) + Math.floor(y / CELL) * 4194304;
      const one = cells.get(key);
      if (one) {
        one.n += 1;
        one.x += x;
        one.y += y;
        one.all.push(i);
      } else cells.set(key, { n: 1, x, y, all: [i] });
    }
    const kept = [];
    for (const one of [...cells.values()].sort((a, b) => b.n - a.n)) {
      const near = kept.find((k) => Math.hypot(k.x / k.n - one.x / one.n, k.y / k.n - one.y / one.n) < CELL * 0.6);
      if (!near) kept.push(one);
      else {
        for (const part of ["n", "x", "y"]) near[part] += one[part];
        near.all.push(...one.all);
      }
    }
    return kept.map((k) => ({ x: k.x / k.n - origin.x, y: k.y / k.n - origin.y, all: k.all,
      r: k.all.length === 1 ? crowd._layer.style.radius : 9 + 4.5 * Math.log10(k.all.length) }));
  }

  // Each row blurred thrice by a running mean, which comes close to a bell curve; then each column.
  function blur(values, wide, high) {
    const pass = (from, to, lines, length, step, turn) => {
      for (let line = 0; line < lines; line += 1) {
        let sum = 0;
        const at = (k) => from[line * turn + k * step];
        for (let k = 0; k < Math.min(SPREAD, length); k += 1) sum += at(k);
        for (let k = 0; k < length; k += 1) {
          if (k + SPREAD < length) sum += at(k + SPREAD);
          if (k - SPREAD - 1 >= 0) sum -= at(k - SPREAD - 1);
          to[line * turn + k * step] = sum / (2 * SPREAD + 1);
        }
      }
    };
    let [from, to] = [values, new Float64Array(values.length)];
    for (let n = 0; n < 6; n += 1) {
      if (n < 3) pass(from, to, high, wide, 1, wide);
      else pass(from, to, wide, high, wide, 1);
      [from, to] = [to, from];
    }
    return from;
  }

  cpecgeo.densityColor = function (share) {
    const at = Math.min(0.999, share) * (RAMP.length - 1);
    const k = Math.floor(at);
    return RAMP[k].map((v, c) => Math.round(v + (RAMP[k + 1][c] - v) * (at - k)));
  };

  cpecgeo.Crowd = cpecgeo.Cloud.extend({
    draw: function () {
      if (!this._map) return;
      const on = this.lay();
      on.pen.scale(on.ratio, on.ratio);
      if (this._layer.cluster === "density") this._thickness(on);
      else this._counts(on);
    },

    _counts: function (on) {
      const { pen } = on;
      this._groups = gather(this, on);
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.font = "600 12px system-ui, sans-serif";
      const look = (i) => this._layer.looks[this._layer.look ? this._layer.look[i] : 0];
      for (const one of this._groups) {
        const many = one.all.length > 1;
        pen.beginPath();
        pen.arc(one.x, one.y, one.r, 0, 2 * Math.PI);
        pen.fillStyle = many ? "#fffdf9" : look(one.all[0]).color;
        pen.fill();
        pen.lineWidth = many ? 2.5 : 1.2;
        pen.strokeStyle = many ? look(one.all[0]).color : "#fff";
        pen.stroke();
        if (!many) continue;
        const n = one.all.length;
        pen.fillStyle = "#23211e";
        pen.fillText(n < 1000 ? String(n) : cpecgeo.number(n / 1000, n < 10000 ? 1 : 0) + "k", one.x, one.y + 0.5);
      }
    },

    _thickness: function ({ pen, extent, origin, scale }) {
      const wide = Math.ceil(extent.x / FINE) + 1;
      const high = Math.ceil(extent.y / FINE) + 1;
      const counts = new Float64Array(wide * high);
      for (let i = 0; i < this._layer.n; i += 1) {
        if (this._shown[i] === 0) continue;
        const x = Math.floor((this._x[i] * scale - origin.x) / FINE);
        const y = Math.floor((this._y[i] * scale - origin.y) / FINE);
        if (x >= 0 && y >= 0 && x < wide && y < high) counts[x + wide * y] += 1;
      }
      const thick = blur(counts, wide, high);
      const most = thick.reduce((a, b) => Math.max(a, b), 0);
      // Kilometres of a cell's side at the middle of the view.
      const side = (FINE * 40075.017 * Math.cos((this._map.getCenter().lat * Math.PI) / 180)) / (256 * scale);
      this._layer.density = most / (side * side);
      const small = document.createElement("canvas");
      small.width = wide;
      small.height = high;
      const picture = new ImageData(wide, high);
      for (let k = 0; k < thick.length; k += 1) {
        const share = most ? thick[k] / most : 0;
        if (share < 0.03) continue;
        const [r, g, b] = cpecgeo.densityColor(share);
        picture.data.set([r, g, b, 255 * Math.min(0.85, 0.25 + share)], 4 * k);
      }
      small.getContext("2d").putImageData(picture, 0, 0);
      pen.imageSmoothingEnabled = true;
      pen.drawImage(small, 0, 0, wide * FINE, high * FINE);
      this._map.fire("cpec:density");
    },

    _under: function (event) {
      if (!this._groups || this._layer.cluster === "density") return null;
      const here = event.layerPoint.add(this._map.getPixelOrigin()).subtract(this._sheet.origin);
      return this._groups.find((g) => Math.hypot(g.x - here.x, g.y - here.y) <= g.r + 3) || null;
    },

    _hover: function (event) {
      if (!this._layer.style.interactive) return;
      this._map.getContainer().classList.toggle("cpec-pointing", this._under(event) !== null);
    },

    // A group opens by going closer; one that can't be parted opens its first point.
    _click: function (event) {
      if (!this._layer.style.interactive || cpecgeo.measuring) return;
      const found = this._under(event);
      if (!found) return;
      const bounds = L.latLngBounds(found.all.map((i) => this._latlng(i)));
      if (found.all.length === 1 || this._map.getZoom() >= this._map.getMaxZoom()
        || bounds.getNorthEast().equals(bounds.getSouthWest())) this.open(found.all[0]);
      else this._map.fitBounds(bounds, { padding: [40, 40], animate: !cpecgeo.still() });
    },
  });
})();
