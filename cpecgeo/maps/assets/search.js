// Search over every feature of every layer, in all its names. leaflet-search provides the box and
// its keys; matches, their order and their text are decided here.

(function () {
  const { el, cell, t } = cpecgeo;

  // Case, accents, vowel signs and the variants of Arabic letters make no difference.
  const FOLD = { "ي": "ی", "ى": "ی", "ك": "ک", "ه": "ہ", "ة": "ہ", "ھ": "ہ", "أ": "ا", "إ": "ا", "آ": "ا", "ؤ": "و" };
  cpecgeo.fold = (text) => text.normalize("NFKC").toLowerCase().normalize("NFD")
    .replace(/[\u0300-\u036f\u064b-\u065f\u0670\u200b-\u200f]/g, "")
    .replace(/[يىكهةھأإآؤ]/g, (c) => FOLD[c]).replace(/[\s\-–_.,]+/g, " ").trim();

  // The usual meaning of a name comes first.
  const ROLES = {
    corridor: 0, city: 1, crossings: 2, ports: 2, province: 2, zones: 3, mines: 3, energy: 3,
    station: 4, river: 4, lake: 4, town: 5, district: 5, line: 6,
  };
  const titleOf = (role) => ({ province: t("Province"), river: t("River"), lake: t("Lake") })[role];
  // Words that people leave out.
  const KIND = / (junction|jn|cantt|cantonment|city|port|pass|station|railway station|sez)$/;
  const MANY = 20000;

  const texts = (value) => (Array.isArray(value) ? value : String(value ?? "").split(";"))
    .map((v) => String(v).trim()).filter(Boolean);

  function index(map) {
    const found = [];
    for (const key of map.cpec.data.order) {
      const group = map.cpec.layers[key];
      if (!group || !group.cpecLayer.style.search) continue;
      const layer = group.cpecLayer;
      const role = layer.style.role;
      for (let i = 0; i < layer.n; i += 1) {
        const value = (column) => cell(layer.columns[column], i);
        const names = ["title", "name", "name_ur", "name_zh"].flatMap((c) => texts(value(c)));
        if (!names.length || (!layer.cloud && !(layer.geometry[i] || [0])[0])) continue;
        const also = texts(value("aliases"));
        // A remark in brackets after a stop's name may be another name.
        if (role === "station") also.push(...texts(value("note")));
        // People type a corridor's id: ml1.
        if (role === "corridor") also.push(...texts(value("id")));
        // A junction is better known than the small town that it is named after.
        const small = role === "city" && (Number(value("population")) || 0) < 150000 ? 1 : 0;
        const rank = (ROLES[role] ?? 3) + small - (/ junction$/i.test(names[0]) ? 2.5 : 0);
        found.push({ key, i, layer, name: cpecgeo.nameOf(layer, i) || names[0], names, rank,
          folded: names.concat(also).map(cpecgeo.fold).filter(Boolean) });
      }
    }
    return found;
  }

  // 0 for the whole name, 1 for its beginning, 2 for the beginning of a word, 4 for inside.
  function match(name, text) {
    if (name === text || name.replace(KIND, "") === text) return 0;
    if (name.replace(/ /g, "") === text.replace(/ /g, "")) return 0;
    const at = name.indexOf(text);
    if (at < 0) return 9;
    if (at === 0) return 1;
    return name[at - 1] === " " ? 2 : text.length > 2 ? 4 : 9;
  }

  // Letters to change, swap, add or leave out between two words; more than `most` is 9.
  function changes(a, b, most) {
    if (Math.abs(a.length - b.length) > most) return 9;
    let before = [];
    let last = [...Array(b.length + 1).keys()];
    for (let i = 1; i <= a.length; i += 1) {
      const row = [i];
      for (let j = 1; j <= b.length; j += 1) {
        const same = a[i - 1] === b[j - 1] ? 0 : 1;
        row[j] = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + same);
        if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
          row[j] = Math.min(row[j], before[j - 2] + 1);
        }
      }
      [before, last] = [last, row];
    }
    return last[b.length] <= most ? last[b.length] : 9;
  }

  // Similar names, when few or none match.
  function resembling(all, text) {
    const most = text.length < 4 ? 0 : text.length < 7 ? 1 : 2;
    if (!most || all.length > MANY) return [];
    const hits = [];
    for (const one of all) {
      let best = 9;
      for (const name of one.folded) {
        best = Math.min(best, changes(text, name, most), changes(text, name.replace(KIND, ""), most));
        // A word of a longer name is less likely to be meant than a name of its own.
        for (const word of name.split(" ")) best = Math.min(best, changes(text, word, most) + 1.5);
      }
      if (best < 5) hits.push([5 + best, one]);
    }
    return hits;
  }

  // "30.2, 67.0", "67 E 30.2 N": a number beyond ±90, or with E or W, is the longitude;
  // two bare numbers are latitude and longitude unless only the other order lies near Pakistan.
  function coordinates(text) {
    const found = text.match(/^\s*([+-]?\d+(?:\.\d+)?)\s*°?\s*([NSEW])?[\s,;/]+([+-]?\d+(?:\.\d+)?)\s*°?\s*([NSEW])?\s*$/i);
    if (!found) return null;
    const sign = (value, letter) => Number(value) * (/[SW]/i.test(letter || "") ? -1 : 1);
    const [a, b] = [sign(found[1], found[2]), sign(found[3], found[4])];
    const near = (lat, lon) => lat > 20 && lat < 45 && lon > 55 && lon < 90;
    const turned = /[EW]/i.test(found[2] || "") || Math.abs(a) > 90
      || (!found[2] && !found[4] && !near(a, b) && near(b, a));
    const [lat, lon] = turned ? [b, a] : [a, b];
    return Math.abs(lat) <= 90 && Math.abs(lon) <= 180 ? L.latLng(lat, lon) : null;
  }

  // "ml1 481": a kilometre of a corridor that has posts.
  function kilometre(map, text) {
    const found = text.match(/^(.*\S)\s+(?:km\s*)?(\d{1,4})(?:\s*km)?\s*$/i);
    if (!found) return null;
    const wanted = cpecgeo.fold(found[1]).replace(/ km$/, "").replace(/ /g, "");
    for (const [title, line] of Object.entries(map.cpec.data.posts)) {
      const names = [title, line.name || "", line.id || "", ...(line.aliases || [])];
      if (!names.some((n) => cpecgeo.fold(n).replace(/ /g, "") === wanted)) continue;
      const at = cpecgeo.latlngs(line.points, 10 ** -line.decimals)[Number(found[2]) - line.first_km];
      if (at) return { at: L.latLng(at), name: (line.name || title) + ", " + t("km") + " " + Number(found[2]), kind: title };
    }
    return null;
  }

  // Records as leaflet-search keeps them: by the text of the row.
  function find(map, all, text) {
    const wanted = cpecgeo.fold(text);
    const records = {};
    if (!wanted) return records;
    const put = (name, kind, found) => {
      const title = name.slice(0, 80) + " · " + kind.slice(0, 60);
      let row = title;
      for (let n = 2; Object.hasOwn(records, row); n += 1) row = title + " (" + n + ")";
      const at = L.latLng(0, 0);
      at.found = Object.assign({ name, kind, names: [] }, found);
      records[row] = at;
    };
    const spot = coordinates(text);
    if (spot) put(spot.lat + "°, " + spot.lng + "°", t("Coordinates, lat, lon"), { at: spot });
    const post = kilometre(map, text);
    if (post) put(post.name, post.kind, { at: post.at });
    let hits = [];
    for (const one of all) {
      const r = Math.min(...one.folded.map((name) => match(name, wanted)));
      if (r < 9) hits.push([r, one]);
    }
    if (hits.length < 3) {
      const known = new Set(hits.map((hit) => hit[1]));
      hits = hits.concat(resembling(all, wanted).filter((hit) => !known.has(hit[1])));
    }
    const people = (one) => Number(cell(one.layer.columns.population, one.i)) || 0;
    hits.sort((a, b) => a[0] - b[0] || a[1].rank - b[1].rank || people(b[1]) - people(a[1])
      || a[1].name.length - b[1].name.length);
    for (const [, one] of hits.slice(0, 40)) put(one.name, titleOf(one.layer.style.role) || one.layer.name, one);
    return records;
  }

  function goTo(map, found) {
    if (!found.at) {
      cpecgeo.goTo(map, found.key, found.i);
      return;
    }
    map.setView(found.at, Math.max(map.getZoom(), 11), { animate: !cpecgeo.still() });
    const box = el("div", { class: "cpec-popup" }, el("h2", { dir: "auto" }, found.name),
      el("p", { class: "cpec-kindline", dir: "auto" }, found.kind));
    L.popup({ minWidth: 160, autoPan: false }).setLatLng(found.at).setContent(box).openOn(map);
  }

  cpecgeo.search = function (map) {
    let all = null;
    const control = new L.Control.Search({
      position: "topleft",
      sourceData: (text, done) => { done(text); return {}; },
      formatData: (text) => { all = all || index(map); return find(map, all, text); },
      filterData: (text, records) => records,
      buildTip: (text, at) => {
        const row = el("li", { role: "option", dir: "auto" },
          el("span", {}, at.found.name.slice(0, 80)));
        const other = at.found.names.filter((n) => n !== at.found.name && (cpecgeo.lang() !== "en" || /[^\x00-\x7f]/.test(n)));
        if (other.length) row.append(el("bdi", {}, " " + other.join(" ").slice(0, 80)));
        row.append(el("small", {}, at.found.kind.slice(0, 60)));
        return row;
      },
      moveToLocation: (at) => goTo(map, at.found),
      marker: false,
      initial: false,
      autoType: false,
      firstTipSubmit: true,
      autoResize: false,
      delayType: 120,
      tooltipLimit: 12,
      collapsed: map.getSize().x < 700,
      textPlaceholder: t("Search in English, اردو, 中文"),
      textCancel: t("Cancel"),
      textErr: t("Nothing of that name"),
    });
    control.addTo(map);
    const box = control.getContainer();
    box.querySelector("input").setAttribute("aria-label", t("Search places and corridors"));
    // Writing methods, speech and completion change the text without a key.
    box.querySelector("input").addEventListener("input", () => control._handleKeypress({ keyCode: 0 }));
    box.querySelector("ul").setAttribute("role", "listbox");
    box.querySelector("ul").setAttribute("aria-label", t("Found"));
    box.querySelector(".search-alert").setAttribute("role", "status");
    cpecgeo.combobox(box);
    for (const link of box.querySelectorAll("a")) {
      link.setAttribute("role", "button");
      link.setAttribute("aria-label", link.title);
    }
    return control;
  };
})();
