// Km posts along corridors: every 100 km from afar, every kilometre close by.

(function () {
  const { el } = cpecgeo;

  const STEPS = [[12, 1], [9.25, 10], [8, 50], [6.5, 100]];

  // Never finer than the line's accuracy: a post that may be 4 km off shows no single kilometre.
  cpecgeo.postStep = (zoom, accuracy) =>
    (STEPS.find(([from, step]) => zoom >= from && step >= (accuracy || 0)) || [0, 0])[1];

  const Posts = L.Layer.extend({
    onAdd: function (map) {
      this._lines = Object.entries(map.cpec.data.posts).filter(([, p]) => p.show).map(([name, p]) => ({
        name: p.name || name, first: p.first_km, at: cpecgeo.latlngs(p.points, 10 ** -p.decimals), layer: p.layer, accuracy: p.accuracy_km,
      }));
      this._box = el("div", { class: "cpec-posts", "aria-hidden": "true" });
      map.getPane("cpec-posts").append(this._box);
      map.on("zoomstart", this._hide, this);
      map.on("cpec:labels", this.draw, this);
      this.draw();
    },
    onRemove: function (map) {
      this._box.remove();
      map.off("zoomstart", this._hide, this);
      map.off("cpec:labels", this.draw, this);
    },
    _hide: function () { this._box.style.visibility = "hidden"; },
    draw: function () {
      const map = this._map;
      const view = map.getBounds();
      const taken = (map.cpec.taken || []).slice();
      const symbols = map.cpec.symbols || new Map();
      const made = [];
      const corner = map.containerPointToLayerPoint([0, 0]);
      const far = corner.add(map.getSize());
      this._box.textContent = "";
      const posts = [];
      for (const line of this._lines) {
        const step = cpecgeo.postStep(map.getZoom(), line.accuracy);
        if (!step) continue;
        const group = map.cpec.layers[line.layer];
        if (group && !map.hasLayer(group)) continue;
        const offset = (step - (line.first % step)) % step;
        for (let k = offset; k < line.at.length; k += step) {
          if (!view.contains(line.at[k])) continue;
          const p = map.latLngToLayerPoint(line.at[k]);
          posts.push({ p, km: String(line.first + k), name: line.name,
            // Where there is a symbol, its dot marks the position.
            bare: cpecgeo.touched([p.x - 3, p.y - 2, p.x + 3, p.y + 2], symbols) > 0 });
        }
      }
      const dots = posts.filter((one) => !one.bare).map(({ p }) => [p.x - 3, p.y - 3, p.x + 3, p.y + 3]);
      const meet = (a, b) => a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1];
      for (const { p, km, name, bare } of posts) {
        // The corridor's name comes before the kilometre.
        const text = name.slice(0, 18) + "\u00a0" + km;
        const half = 2.9 * text.length + 4;
        const above = [p.x - half, p.y - 21, p.x + half, p.y - 5];
        const below = [p.x - half, p.y + 5, p.x + half, p.y + 21];
        // At the edge of the map a text is whole or not there, as names are; it hides no symbol and no other post.
        const box = [above, below].find((b) => b[0] >= corner.x && b[1] >= corner.y && b[2] <= far.x && b[3] <= far.y
          && !taken.some((t) => meet(b, t)) && !dots.some((t) => meet(b, t)) && cpecgeo.touched(b, symbols) === 0);
        const node = el("div", { class: "cpec-post", "data-km": km });
        if (bare) node.classList.add("cpec-post-bare");
        else if (!box) made.push(node);
        if (box) {
          taken.push(box);
          node.append(el("span", { dir: "auto" }, text));
          node.classList.toggle("cpec-post-below", box === below);
          made.push(node);
        }
        node.style.transform = "translate(" + Math.round(p.x) + "px," + Math.round(p.y) + "px)";
      }
      this._box.append(...made);
      this._box.style.visibility = "";
    },
  });

  cpecgeo.posts = (map) => new Posts();
})();
