// The ground along a corridor or route, in a panel below the map: pointing at one marks the
// position in the other. Where the ground isn't the road's, it is hatched.

(function () {
  const { el, t } = cpecgeo;
  const [LEFT, RIGHT, TOP, BOTTOM] = [52, 12, 8, 18];

  function svg(tag, attributes, ...children) {
    const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  }

  // Round values between two limits, about so many.
  function ticks(low, high, about) {
    const raw = (high - low) / about || 1;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((m) => m * power >= raw);
    const all = [];
    for (let v = Math.ceil(low / step); v * step <= high; v += 1) all.push(v * step || 0);
    return all;
  }

  // A sample in words; for hatched ground it says that this isn't the road's.
  function told(one, k) {
    const values = { km: cpecgeo.number(one.km[k], 1), height: one.metres[k] === null ? "–" : cpecgeo.number(one.metres[k], 0) };
    return one.hatched[k] ? t("km {km}: ground at {height} m, not the road's", values) : t("km {km}: {height} m", values);
  }

  function prepare(given) {
    const hatched = given.km.map(() => false);
    for (const [a, b] of given.ground) hatched.fill(true, a, b + 1);
    return Object.assign({ at: cpecgeo.latlngs(given.points, 1e-4), hatched }, given);
  }

  cpecgeo.profile = function (map) {
    const all = map.cpec.data.profiles.map(prepare);
    let one = all[0];
    let chosen = 0;
    let frame = null;
    const mark = L.circleMarker(one.at[0], { pane: "cpec-posts", radius: 6, color: "#fff", weight: 2, fillColor: "#b8470c", fillOpacity: 1, interactive: false });
    const said = el("output", { class: "cpec-profile-text" });
    const choice = el("select", { "aria-label": t("Line of the profile") }, ...all.map((p, k) => el("option", { value: k }, p.name.slice(0, 80))));
    // On paper there is nothing to choose.
    const name = el("bdi", all.length > 1 ? { class: "cpec-profile-name" } : {}, one.name.slice(0, 120));
    const key = el("span", { class: "cpec-profile-key" }, el("i", { "aria-hidden": "true" }), t("ground that isn't the road's"));
    const plot = svg("svg", { role: "slider", tabindex: "0", "aria-label": t("Place along the line"), "aria-valuemin": 0 });
    const box = el("details", { class: "cpec-profile" }, el("summary", {}, t("Profile")),
      el("div", { class: "cpec-profile-head" }, all.length > 1 ? choice : null, name, said, key), plot);
    box.open = document.documentElement.clientHeight >= 560;
    // Beside the map, which is a region of its own, the panel is one too.
    map.getContainer().after(el("section", { "aria-label": t("Profile"), class: "cpec-profile-place" }, box));

    const x = (k) => LEFT + ((one.km[k] - one.km[0]) / (one.km.at(-1) - one.km[0] || 1)) * (frame.wide - LEFT - RIGHT);
    const y = (metres) => TOP + ((frame.high - metres) / (frame.high - frame.low || 1)) * (frame.tall - TOP - BOTTOM);

    // A closed area under samples from `a` to `b`; it is broken where nothing is known.
    function area(a, b) {
      const pieces = [];
      for (let k = a; k <= b; k += 1) {
        if (one.metres[k] === null) continue;
        if (k === a || one.metres[k - 1] === null) pieces.push([]);
        pieces.at(-1).push(x(k).toFixed(1) + " " + y(one.metres[k]).toFixed(1));
      }
      const floor = y(frame.low).toFixed(1);
      return pieces.map((p) => "M" + p[0].split(" ")[0] + " " + floor + "L" + p.join("L") + "L" + p.at(-1).split(" ")[0] + " " + floor + "Z").join("");
    }

    function draw() {
      const known = one.metres.filter((v) => v !== null);
      const [low, high] = known.length ? [Math.min(...known), Math.max(...known)] : [0, 1];
      const room = Math.max(60, high - low) * 0.06;
      frame = { wide: Math.max(160, plot.clientWidth), tall: plot.clientHeight || 110, low: low - room, high: high + room };
      const hatch = svg("pattern", { id: "cpec-hatch", width: 5, height: 5, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" },
        svg("rect", { width: 5, height: 5, class: "cpec-hatch-ground" }), svg("path", { d: "M0 0V5", class: "cpec-hatch-line" }));
      const parts = [svg("defs", {}, hatch), svg("path", { d: area(0, one.km.length - 1), class: "cpec-profile-area" })];
      for (const [a, b] of one.ground) parts.push(svg("path", { d: area(Math.max(0, a - 1), Math.min(one.km.length - 1, b + 1)), fill: "url(#cpec-hatch)" }));
      for (const v of ticks(frame.low, frame.high, 3)) {
        parts.push(svg("path", { d: "M" + LEFT + " " + y(v) + "H" + (frame.wide - RIGHT), class: "cpec-profile-grid" }),
          svg("text", { x: LEFT - 5, y: y(v) + 4, "text-anchor": "end" }, cpecgeo.number(v, 0) + "\u00a0" + t("m")));
      }
      const wide = one.km.at(-1) - one.km[0] || 1;
      for (const v of ticks(Math.min(one.km[0], one.km.at(-1)), Math.max(one.km[0], one.km.at(-1)), Math.min(10, frame.wide / 90))) {
        const at = LEFT + ((v - one.km[0]) / wide) * (frame.wide - LEFT - RIGHT);
        parts.push(svg("text", { x: at, y: frame.tall - 4, "text-anchor": at > frame.wide - 40 ? "end" : "middle" }, cpecgeo.number(v, 0) + "\u00a0" + t("km")));
      }
      parts.push(svg("g", { class: "cpec-profile-cursor" }, svg("path", {}), svg("circle", { r: 4 })));
      plot.setAttribute("viewBox", "0 0 " + frame.wide + " " + frame.tall);
      plot.replaceChildren(...parts);
      key.hidden = !one.ground.length;
      point(chosen, false);
    }

    function point(k, moved) {
      chosen = Math.max(0, Math.min(one.km.length - 1, k));
      const cursor = plot.querySelector(".cpec-profile-cursor");
      cursor.firstChild.setAttribute("d", "M" + x(chosen) + " " + TOP + "V" + (frame.tall - BOTTOM));
      cursor.lastChild.setAttribute("cx", x(chosen));
      cursor.lastChild.setAttribute("cy", y(one.metres[chosen] ?? frame.low));
      const text = told(one, chosen);
      plot.setAttribute("aria-valuemax", one.km.length - 1);
      plot.setAttribute("aria-valuenow", chosen);
      plot.setAttribute("aria-valuetext", text);
      if (moved) {
        said.textContent = text;
        mark.setLatLng(one.at[chosen]).addTo(map);
      }
      cursor.classList.toggle("cpec-on", moved || mark._map === map);
    }

    // Without a pointer, the panel describes the whole.
    function rest() {
      mark.remove();
      said.textContent = one.highest ? t("highest: {height} m at km {km}",
        { height: cpecgeo.number(one.highest[0], 0), km: cpecgeo.number(one.highest[1], 0) }) : "";
      plot.querySelector(".cpec-profile-cursor").classList.remove("cpec-on");
    }

    const nearest = (event) => {
      const at = ((event.clientX - plot.getBoundingClientRect().left - LEFT) / (frame.wide - LEFT - RIGHT)) * (one.km.at(-1) - one.km[0]) + one.km[0];
      return one.km.reduce((best, v, k) => (Math.abs(v - at) < Math.abs(one.km[best] - at) ? k : best), 0);
    };
    for (const name of ["pointermove", "pointerdown"]) plot.addEventListener(name, (event) => point(nearest(event), true));
    plot.addEventListener("pointerleave", () => { if (document.activeElement !== plot) rest(); });
    plot.addEventListener("blur", rest);
    plot.addEventListener("focus", () => point(chosen, true));
    plot.addEventListener("click", () => map.panTo(one.at[chosen], { animate: !cpecgeo.still() }));
    plot.addEventListener("keydown", (event) => {
      const ten = Math.max(1, Math.round(one.km.length / 10));
      const to = { ArrowRight: chosen + 1, ArrowUp: chosen + 1, ArrowLeft: chosen - 1, ArrowDown: chosen - 1,
        PageUp: chosen + ten, PageDown: chosen - ten, Home: 0, End: one.km.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      point(to, true);
      map.panInside(one.at[chosen], { padding: [60, 60], animate: !cpecgeo.still() });
    });

    // On the map, the line nearest to the pointer leads the panel, whatever is drawn over it.
    const REACH = 8;
    const away = (p, at) => {
      const group = map.cpec.layers[p.layer];
      const items = ((group && group.cpecItems) || []).filter((item) => item && item._map && item.closestLayerPoint);
      return Math.min(...items.map((item) => (item.closestLayerPoint(at) || { distance: Infinity }).distance));
    };
    let led = false;
    map.on("mousemove", (event) => {
      const far = all.map((p) => away(p, event.layerPoint) - (p === one ? 0.5 : 0));
      const turn = far.indexOf(Math.min(...far));
      if (!(far[turn] <= REACH)) {
        if (led) rest();
        led = false;
        return;
      }
      led = true;
      if (one !== all[turn]) choose(turn);
      const { lat, lng } = event.latlng;
      const shrink = Math.cos((lat * Math.PI) / 180);
      const of = (k) => Math.hypot(one.at[k][0] - lat, (one.at[k][1] - lng) * shrink);
      point(one.at.reduce((best, v, k) => (of(k) < of(best) ? k : best), 0), true);
    });
    map.on("mouseout", () => {
      if (led) rest();
      led = false;
    });

    function choose(turn) {
      one = all[turn];
      choice.value = turn;
      name.textContent = one.name.slice(0, 120);
      chosen = 0;
      draw();
      rest();
    }
    choice.addEventListener("change", () => choose(Number(choice.value)));
    box.addEventListener("toggle", () => {
      if (box.open) draw();
      map.invalidateSize({ animate: false });
    });
    new ResizeObserver(() => { if (box.open && plot.clientWidth !== frame.wide) draw(); }).observe(plot);
    map.cpec.profile = { box, draw };
    draw();
    rest();
    map.invalidateSize({ animate: false });
  };
})();
