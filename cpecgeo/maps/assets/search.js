// Search over every feature of every layer, in all its names. leaflet-search gives the box and
// its keys; what is found, in which order and how it is written is decided here.

(function () {
  const { el, cell } = cpecgeo;

  // Case, accents, vowel signs and the variants of Arabic letters make no difference.
  const FOLD = { "ي": "ی", "ى": "ی", "ك": "ک", "ه": "ہ", "ة": "ہ", "ھ": "ہ", "أ": "ا", "إ": "ا", "آ": "ا", "ؤ": "و" };
  cpecgeo.fold = (text) => text.normalize("NFKC").toLowerCase().normalize("NFD")
    .replace(/[\u0300-\u036f\u064b-\u065f\u0670\u200b-\u200f]/g, "")
    .replace(/[يىكهةھأإآؤ]/g, (c) => FOLD[c]).replace(/[\s\-–_.,]+/g, " ").trim();

  function index(map) {
    const found = [];
    for (const key of map.cpec.data.order) {
      const group = map.cpec.layers[key];
      if (!group || !group.cpecLayer.style.search) continue;
      const layer = group.cpecLayer;
      for (let i = 0; i < layer.n; i += 1) {
        const names = ["title", "name", "name_ur", "name_zh", "id"]
          .map((c) => cell(layer.columns[c], i)).filter((v) => typeof v === "string" && v);
        if (!names.length || (!layer.cloud && !(layer.geometry[i] || [0])[0])) continue;
        found.push({ key, i, layer, name: cpecgeo.nameOf(layer, i) || names[0], names,
          folded: names.map(cpecgeo.fold) });
      }
    }
    return found;
  }

  // 0 for the whole name, 1 for its beginning, 2 for the beginning of a word, 3 for inside.
  function rank(one, text) {
    let best = 9;
    for (const name of one.folded) {
      const at = name.indexOf(text);
      if (at < 0) continue;
      best = Math.min(best, name === text ? 0 : at === 0 ? 1 : name[at - 1] === " " ? 2 : 3);
    }
    return best;
  }

  // Records as leaflet-search keeps them: by the text of the row.
  function find(all, text) {
    const wanted = cpecgeo.fold(text);
    const records = {};
    if (!wanted) return records;
    const hits = [];
    for (const one of all) {
      const r = rank(one, wanted);
      if (r < 9) hits.push([r, one]);
    }
    hits.sort((a, b) => a[0] - b[0] || a[1].name.length - b[1].name.length);
    for (const [, one] of hits.slice(0, 40)) {
      const title = one.name.slice(0, 80) + " · " + one.layer.name.slice(0, 40);
      let row = title;
      for (let n = 2; Object.hasOwn(records, row); n += 1) row = title + " (" + n + ")";
      const at = L.latLng(0, 0);
      at.found = one;
      records[row] = at;
    }
    return records;
  }

  cpecgeo.search = function (map) {
    let all = null;
    const control = new L.Control.Search({
      position: "topleft",
      sourceData: (text, done) => { done(text); return {}; },
      formatData: (text) => { all = all || index(map); return find(all, text); },
      filterData: (text, records) => records,
      buildTip: (text, at) => {
        const row = el("li", { role: "option", dir: "auto" },
          el("span", {}, at.found.name.slice(0, 80)));
        const other = at.found.names.filter((n) => n !== at.found.name && /[^\x00-\x7f]/.test(n));
        if (other.length) row.append(el("bdi", {}, " " + other.join(" ").slice(0, 80)));
        row.append(el("small", {}, at.found.layer.name.slice(0, 40)));
        return row;
      },
      moveToLocation: (at) => cpecgeo.goTo(map, at.found.key, at.found.i),
      marker: false,
      initial: false,
      autoType: false,
      firstTipSubmit: true,
      autoResize: false,
      delayType: 120,
      tooltipLimit: 12,
      collapsed: map.getSize().x < 700,
      textPlaceholder: "Search in English, اردو, 中文",
      textErr: "Nothing of that name",
    });
    control.addTo(map);
    const box = control.getContainer();
    box.querySelector("input").setAttribute("aria-label", "Search places and corridors");
    box.querySelector("input").setAttribute("role", "searchbox");
    // Writing methods, speech and completion change the text without a key.
    box.querySelector("input").addEventListener("input", () => control._handleKeypress({ keyCode: 0 }));
    box.querySelector("ul").setAttribute("role", "listbox");
    box.querySelector("ul").setAttribute("aria-label", "Found");
    box.querySelector(".search-alert").setAttribute("role", "status");
    for (const link of box.querySelectorAll("a")) {
      link.setAttribute("role", "button");
      link.setAttribute("aria-label", link.title);
    }
    return control;
  };
})();
