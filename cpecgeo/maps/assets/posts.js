// Km posts along corridors: every 100 km from afar, every kilometre close by.

(function () {
  const { el, t } = cpecgeo;

  const STEPS = [[12, 1], [9.25, 10], [8, 50], [6.5, 100]];

  // Never finer than the line's accuracy: a post that may be 4 km off shows no single kilometre.
  cpecgeo.postStep = (zoom, accuracy) =>
    (STEPS.find(([from, step]) => zoom >= from && step >= (accuracy || 0)) || [0, 0])[1];

  const halfOf = (text) => 2.9 * text.length + 4;
  // The corridor's name comes before the kilometre; where there is little room, without the unit.
  const write = (name, km) => {
    const figure = "\u00a0" + km.toLocaleString("en");
    return { text: name + "\u00a0" + t("km") + figure, brief: name + figure };
  };

  // Texts thin out by a regular step: every post, every second, fifth or tenth.
  function thin(line, step) {
    const all = line.filter((one) => one.at % step === 0);
    return [1, 2, 5, 10].find((part) => {
      const some = all.filter((one) => one.at % (step * part) === 0);
      const close = some.filter(({ p, text }, k) => k && Math.abs(p.y - some[k - 1].p.y) < 18
        && Math.abs(p.x - some[k - 1].p.x) < 2 * halfOf(text));
      return close.length <= some.length / 10;
    }) || 10;
  }

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
        const mine = [];
        for (let k = offset; k < line.at.length; k += step) {
          if (!view.contains(line.at[k])) continue;
          const p = map.latLngToLayerPoint(line.at[k]);
          mine.push({ p, at: line.first + k, ...write(line.name.slice(0, 18), line.first + k),
            // Where there is a symbol, its dot marks the position.
            bare: cpecgeo.touched([p.x - 3, p.y - 2, p.x + 3, p.y + 2], symbols) > 0 });
        }
        const every = step * thin(mine, step);
        posts.push(...mine.map((one) => Object.assign(one, { named: one.at % every === 0 })));
      }
      const dots = posts.filter((one) => !one.bare).map(({ p }) => [p.x - 3, p.y - 3, p.x + 3, p.y + 3]);
      const meet = (a, b) => a[0] < b[2] && a[2] > b[0] && a[1] < b[3] && a[3] > b[1];
      // At the edge of the map a text is whole or not there, as names are; it hides no symbol and no other post.
      const isFree = (b) => b[0] >= corner.x && b[1] >= corner.y && b[2] <= far.x && b[3] <= far.y
        && !taken.some((t) => meet(b, t)) && !dots.some((t) => meet(b, t)) && cpecgeo.touched(b, symbols) === 0;
      for (const { p, at, text, brief, bare, named } of posts) {
        const spots = [text, brief].flatMap((words) => [[-21, -5], [5, 21]].map(([top, bottom]) =>
          ({ words, box: [p.x - halfOf(words), p.y + top, p.x + halfOf(words), p.y + bottom], below: top > 0 })));
        const spot = named && spots.find((one) => isFree(one.box));
        const node = el("div", { class: "cpec-post", "data-km": at });
        if (bare) node.classList.add("cpec-post-bare");
        else if (!spot) made.push(node);
        if (spot) {
          taken.push(spot.box);
          node.append(el("span", { dir: "auto" }, spot.words));
          node.classList.toggle("cpec-post-below", spot.below);
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
