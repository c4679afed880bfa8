// Popups of features: names in three languages, figures, and their sources.

cpecgeo.status = (status) => {
  const { t } = cpecgeo;
  return { operating: t("Operating"), under_construction: t("Under construction"), planned: t("Planned"),
    suspended: t("Suspended"), closed: t("Closed") }[status] || status;
};

cpecgeo.nameOf = function (layer, i) {
  const columns = layer.columns;
  const name = cpecgeo.cell(columns["name_" + cpecgeo.lang()], i)
    || (cpecgeo.cell(columns.title, i) ?? cpecgeo.cell(columns.name, i));
  return name === null || name === undefined || name === "" ? null : String(name);
};

// A value of the data model as people write it.
cpecgeo.plain = (column, value) =>
  (typeof value !== "string" ? value : ["kind", "basis"].includes(column) ? cpecgeo.t(value.replaceAll("_", " "))
    : ["district", "province", "country"].includes(column) ? cpecgeo.t(value) : value);

cpecgeo.popup = function (layer, i) {
  const { el, cell } = cpecgeo;
  const columns = layer.columns;
  const box = el("div", { class: "cpec-popup" });
  const name = cpecgeo.nameOf(layer, i);
  box.append(el("h2", { dir: "auto" }, name === null ? layer.name : name));
  // The names in the other languages; the heading has the page's own.
  for (const [lang, dir] of [["en", "ltr"], ["ur", "rtl"], ["zh", "ltr"]]) {
    const other = lang === "en" ? cell(columns.title, i) ?? cell(columns.name, i) : cell(columns["name_" + lang], i);
    if (other && lang !== cpecgeo.lang() && String(other) !== name) {
      box.append(el("p", { class: "cpec-name", lang, dir }, other));
    }
  }
  const line = el("p", { class: "cpec-kindline" });
  if (name !== null) line.append(el("span", {}, layer.name));
  const status = cell(columns.status, i);
  if (status) line.append(el("span", { class: "cpec-status" }, cpecgeo.status(status)));
  if (line.childNodes.length) box.append(line);
  const known = layer.fields.filter(([column]) => {
    const value = cell(columns[column], i);
    return value !== null && value !== undefined && value !== "";
  });
  // For the data model the most useful columns; for other tables the first ones.
  const isLine = (column) => column === "kind" && ["rail", "road", "mining"].includes(cell(columns.kind, i));
  const own = !known.some(([column]) => cpecgeo.MODEL.has(column));
  const first = known.filter(([column], k) => (own ? k < 8 : cpecgeo.FIRST.has(column) || (k === 0 && !isLine(column))))
    .filter(([column]) => column !== "drawn_km" || !known.some(([c]) => c === "official_km"));
  const rest = known.filter((field) => !first.includes(field));
  if (first.length) box.append(cpecgeo.facts(layer, i, first));
  // A single further row is shown without a fold.
  if (rest.length === 1 && own) box.append(cpecgeo.facts(layer, i, rest));
  else if (rest.length) box.append(el("details", {}, el("summary", {}, cpecgeo.t("More")), cpecgeo.facts(layer, i, rest)));
  return box;
};

cpecgeo.MODEL = new Set(["accuracy_km", "basis", "source", "source_date", "licence"]);
cpecgeo.FIRST = new Set(["opened", "official_km", "drawn_km", "length_km", "km", "km_in", "km_out", "distance_km",
  "population", "capacity_mw", "elevation_m", "district", "accuracy_km", "source"]);

// How good a position is, in words.
cpecgeo.accuracy = (km) => cpecgeo.t("known to about {figure}", {
  figure: km < 1 ? cpecgeo.number(Math.round(km * 1000 / 50) * 50 || km * 1000, 0) + "\u00a0" + cpecgeo.t("m")
    : cpecgeo.number(km, km < 10 ? 1 : 0) + "\u00a0" + cpecgeo.t("km"),
});

// Least and greatest possible distance, from known accuracies: rounded outwards, never narrower than the interval.
cpecgeo.span = function (km, ...accuracies) {
  const reach = Math.hypot(...accuracies.filter((a) => typeof a === "number"));
  if (reach < 0.05) return cpecgeo.withUnit(km, cpecgeo.t("km"));
  const places = reach < 1 ? 1 : 0;
  const scale = 10 ** places;
  const low = Math.floor((km - reach) * scale + 1e-9) / scale;
  const high = cpecgeo.number(Math.ceil((km + reach) * scale - 1e-9) / scale, places);
  const said = low <= 0 ? cpecgeo.t("up to {high} km", { high })
    : cpecgeo.t("{low} to {high} km", { low: cpecgeo.number(low, places), high });
  return said.replace(/ (?=\S+$)/, "\u00a0");
};

// Addresses in a text as links; nothing else of it is more than text.
cpecgeo.linked = function (text) {
  const parts = text.split(/(https?:\/\/[^\s<>"]+[^\s<>".,;)])/);
  return parts.map((part, k) => (k % 2 === 0 ? part
    : cpecgeo.el("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part.replace(/^https?:\/\//, ""))));
};

cpecgeo.facts = function (layer, i, fields) {
  const { el, cell } = cpecgeo;
  const table = el("dl");
  for (const [column, title, unit] of fields) {
    const value = cell(layer.columns[column], i);
    table.append(el("dt", {}, title));
    if (Array.isArray(value)) {
      const list = el("ul");
      for (const item of value) list.append(el("li", { dir: "auto" }, cpecgeo.withUnit(item, unit)));
      table.append(el("dd", {}, list));
    } else if (column === "accuracy_km" && typeof value === "number") {
      table.append(el("dd", {}, cpecgeo.accuracy(value)));
    } else if (column === "distance_km" && typeof value === "number") {
      // Beside rows that have an accuracy of their own, that of the line is `accuracy_km_near`.
      const other = layer.columns.accuracy_km_near ? "accuracy_km_near" : "point_accuracy_km";
      const known = ["accuracy_km", other].map((c) => cell(layer.columns[c], i));
      table.append(el("dd", {}, cpecgeo.span(value, ...known)));
    } else {
      const text = cpecgeo.withUnit(cpecgeo.plain(column, value), unit);
      table.append(el("dd", { dir: "auto" }, ...(column === "source" ? cpecgeo.linked(text) : [text])));
    }
  }
  return table;
};

// The pieces of a line in view, in pixels of the map, with a margin of `pad` pixels. While the map
// glides, Leaflet's own pieces are still those of the view before.
cpecgeo.inSight = function (map, line, pad) {
  const corner = map.containerPointToLayerPoint([-pad, -pad]);
  const view = L.bounds(corner, corner.add(map.getSize()).add([2 * pad, 2 * pad]));
  const all = line.getLatLngs();
  return (L.LineUtil.isFlat(all) ? [all] : all).flatMap((part) => {
    const points = part.map((at) => map.latLngToLayerPoint(at));
    return points.slice(1).map((p, k) => L.LineUtil.clipSegment(points[k], p, view)).filter(Boolean);
  });
};

// A popup that lies on its own line is put beside it, where less of the line is covered.
cpecgeo.placePopup = function (popup) {
  const item = popup._source;
  const node = popup.getElement();
  const map = popup._map;
  if (!item || !map || !(item instanceof L.Polyline) || item instanceof L.Polygon) return;
  const [w, h] = [node.offsetWidth, node.offsetHeight];
  const p = map.latLngToLayerPoint(popup.getLatLng());
  const TIP = 20;
  const spots = [0, w / 2 + 18, -w / 2 - 18, w + 30, -w - 30]
    .flatMap((x) => [7, -9, h / 2 + TIP, h + TIP + 14, -h / 2, 1.6 * h].map((y) => [x, y]))
    .sort((a, b) => Math.hypot(a[0], a[1] - 7) - Math.hypot(b[0], b[1] - 7));
  const pieces = cpecgeo.inSight(map, item, 400);
  // How many points of the line a box would cover whose tip is moved by `x` and `y` pixels.
  const covered = ([x, y]) => {
    let count = 0;
    for (const [a, b] of pieces) {
      const steps = Math.ceil(Math.hypot(b.x - a.x, b.y - a.y) / 4);
      for (let n = 0; n <= steps; n += 1) {
        const dx = a.x + ((b.x - a.x) * n) / (steps || 1) - p.x - x;
        const dy = a.y + ((b.y - a.y) * n) / (steps || 1) - p.y - y;
        if (Math.abs(dx) < w / 2 + 4 && dy < 4 - TIP && dy > -h - TIP - 4) count += 1;
      }
    }
    return count;
  };
  const counts = spots.map(covered);
  const best = counts.indexOf(Math.min(...counts));
  node.classList.toggle("cpec-aside", best > 0);
  popup.options.offset = L.point(spots[best]);
  popup._updatePosition();
};

// Move the map until a popup lies inside it and on no panel, by as little as that takes.
cpecgeo.clearPopup = function (popup) {
  const map = popup._map;
  const node = popup.getElement();
  // While the map changes its zoom nothing is where it will be; its end calls again.
  if (!map || !node || map._animatingZoom) return;
  // Where the popup comes to rest, if the map still glides.
  const glide = map._panAnim && map._panAnim._inProgress ? map._panAnim : null;
  const rest = glide ? glide._startPos.add(glide._offset).subtract(L.DomUtil.getPosition(map.getPanes().mapPane)) : L.point(0, 0);
  const frame = map.getContainer().getBoundingClientRect();
  const box = (e, by) => {
    const r = e.getBoundingClientRect();
    return [r.left - frame.left + by.x, r.top - frame.top + by.y, r.right - frame.left + by.x, r.bottom - frame.top + by.y];
  };
  const [left, top, right, bottom] = box(node, rest);
  const panels = [...map.getContainer().querySelectorAll(".leaflet-control")].filter((e) => e.offsetParent && e.offsetWidth)
    .map((e) => box(e, L.point(0, 0)));
  const gap = 6;
  const size = map.getSize();
  const inside = ([x, y]) => left + x >= gap && top + y >= gap && right + x <= size.x - gap && bottom + y <= size.y - gap;
  const covered = ([x, y]) => panels.reduce((sum, p) => sum
    + Math.max(0, Math.min(right + x, p[2]) - Math.max(left + x, p[0])) * Math.max(0, Math.min(bottom + y, p[3]) - Math.max(top + y, p[1])), 0);
  const across = [0, gap - left, size.x - gap - right, ...panels.flatMap((p) => [p[2] + gap - left, p[0] - gap - right])];
  const down = [0, gap - top, size.y - gap - bottom, ...panels.flatMap((p) => [p[3] + gap - top, p[1] - gap - bottom])];
  // The map goes no further than its ground.
  const bounded = ([x, y]) => {
    const by = map._limitOffset(L.point(-x - rest.x, -y - rest.y), map.options.maxBounds);
    return [-by.x - rest.x, -by.y - rest.y];
  };
  const moves = across.flatMap((x) => down.map((y) => bounded([x, y]))).filter(inside);
  if (!moves.length) {
    // A popup larger than the map shows its beginning.
    popup.options.autoPan = true;
    popup._adjustPan();
    popup.options.autoPan = false;
    return;
  }
  const cost = (move) => covered(move) * 1e6 + Math.hypot(move[0], move[1]);
  const [x, y] = moves.map((move) => [cost(move), move]).reduce((a, b) => (b[0] < a[0] ? b : a))[1];
  if (x || y) map.panBy([-x - rest.x, -y - rest.y], { animate: !cpecgeo.still() });
};

// The name alone, for a pointer that rests on the feature.
cpecgeo.tip = function (layer, i) {
  const name = cpecgeo.nameOf(layer, i);
  return cpecgeo.el("span", { dir: "auto" }, name === null ? layer.name : name.slice(0, 120));
};
