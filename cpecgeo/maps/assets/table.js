// A layer as a table, for reading by ear and by eye, and as a file that the page itself makes.

(function () {
  const { el, cell, t } = cpecgeo;
  const MANY = 200;

  // Positions of row i as GeoJSON has them; null where there are none.
  function geometry(map, group, i) {
    const layer = group.cpecLayer;
    const round = (v) => Number(v.toFixed(6));
    const pairs = (text) => cpecgeo.latlngs(text, layer.style.unit).map(([lat, lon]) => [round(lon), round(lat)]);
    if (layer.cloud) {
      const at = map.unproject(L.point(group._x[i], group._y[i]), 0);
      return { type: "Point", coordinates: [Number(at.lng.toFixed(5)), Number(at.lat.toFixed(5))] };
    }
    const [type, parts] = layer.geometry[i] || [0];
    if (!type) return null;
    const name = ["", "Point", "LineString", "Polygon"][type];
    const all = type === 1 ? pairs(parts) : type === 2 ? parts.map(pairs) : parts.map((rings) => rings.map((ring) => {
      const closed = pairs(ring);
      const [a, b] = [closed[0], closed.at(-1)];
      return a[0] === b[0] && a[1] === b[1] ? closed : [...closed, a];
    }));
    return all.length === 1 ? { type: name, coordinates: all[0] } : { type: "Multi" + name, coordinates: all };
  }

  // Names come first; columns used only for drawing are left out.
  const FIRST = ["id", "name", "title", "name_ur", "name_zh"];
  const columnsOf = (layer) => [...FIRST.filter((c) => Object.hasOwn(layer.columns, c)),
    ...Object.keys(layer.columns).filter((c) => !FIRST.includes(c) && !c.startsWith("cpec:"))];

  function geojson(map, group) {
    const layer = group.cpecLayer;
    const features = [];
    for (let i = 0; i < layer.n; i += 1) {
      features.push({ type: "Feature", geometry: geometry(map, group, i),
        properties: Object.fromEntries(columnsOf(layer).map((c) => [c, cell(layer.columns[c], i) ?? null])) });
    }
    const owed = (layer.credits || []).map(([name, terms]) => name + " (" + terms + ")").join("; ");
    return JSON.stringify(Object.assign({ type: "FeatureCollection", name: layer.name },
      owed ? { attribution: owed } : {}, { features }), null, 1);
  }

  // As well-known text; its words are those of GeoJSON in capitals.
  function wkt(shape) {
    const text = (c) => (typeof c[0] === "number" ? c.join(" ") : "(" + c.map(text).join(", ") + ")");
    const body = shape.type === "Point" ? "(" + text(shape.coordinates) + ")" : text(shape.coordinates);
    return shape.type.toUpperCase() + " " + body;
  }

  // Text that a spreadsheet would run as a formula gets an apostrophe.
  function quoted(value) {
    let text = Array.isArray(value) ? value.join("; ") : String(value ?? "");
    if (typeof value !== "number" && /^[=+\-@\t\r]/.test(text)) text = "'" + text;
    return /[",\n\r]/.test(text) ? '"' + text.replaceAll('"', '""') + '"' : text;
  }

  function csv(map, group) {
    const layer = group.cpecLayer;
    const shapes = [...Array(layer.n).keys()].map((i) => geometry(map, group, i));
    const points = shapes.every((s) => !s || s.type === "Point");
    const columns = columnsOf(layer);
    const rows = [[...columns, ...(points ? ["lon", "lat"] : ["wkt"])]];
    shapes.forEach((shape, i) => {
      const at = !shape ? (points ? ["", ""] : [""]) : points ? shape.coordinates : [wkt(shape)];
      rows.push([...columns.map((c) => cell(layer.columns[c], i)), ...at]);
    });
    return rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";
  }

  function save(name, suffix, text, type) {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const file = name.normalize("NFKC").replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-|-$/g, "").slice(0, 60) || "layer";
    el("a", { href: url, download: file + suffix }).click();
    // Browsers may begin to read it long after the click.
    setTimeout(() => URL.revokeObjectURL(url), 60000);
  }

  const shown = (value, column, unit) => (Array.isArray(value) ? value.join("; ")
    : value === null || value === undefined ? "" : cpecgeo.withUnit(cpecgeo.plain(column, value), unit === "year" ? unit : ""));

  cpecgeo.openTable = function (map, group) {
    const layer = group.cpecLayer;
    const fields = layer.fields.filter(([column]) => column !== "name" && column !== "title");
    const order = [...Array(layer.n).keys()];
    const close = el("button", { type: "button" }, t("Close"));
    const rows = el("tbody");
    const more = el("button", { type: "button", class: "cpec-more" });
    const dialog = el("dialog", { class: "cpec-table", "aria-label": t("Table of {name}", { name: layer.name.slice(0, 120) }) });
    let seen = MANY;
    const fill = () => {
      rows.replaceChildren(...order.slice(0, seen).map((i) => {
        const name = cpecgeo.nameOf(layer, i);
        const go = el("button", { type: "button", dir: "auto" }, name === null ? t("Row {number}", { number: i + 1 }) : name.slice(0, 160));
        go.addEventListener("click", () => { dialog.close(); cpecgeo.goTo(map, layer.key, i); });
        return el("tr", {}, el("th", { scope: "row" }, go),
          ...fields.map(([column, , unit]) => el("td", { dir: "auto" }, shown(cell(layer.columns[column], i), column, unit).slice(0, 400))));
      }));
      more.hidden = seen >= layer.n;
      more.textContent = t("Show {more} more of {all}", { more: Math.min(MANY, layer.n - seen), all: cpecgeo.number(layer.n) });
    };
    more.addEventListener("click", () => { seen += MANY; fill(); });
    const heads = [["", t("Name"), ""], ...fields].map(([column, title, unit]) => {
      const button = el("button", { type: "button" }, unit && unit !== "year" ? title + ", " + unit : title);
      const head = el("th", { scope: "col", "aria-sort": "none" }, button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((one) => one.setAttribute("aria-sort", "none"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = (i) => (column ? cell(layer.columns[column], i) : cpecgeo.nameOf(layer, i)) ?? null;
        const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
        // Missing values come last in both orders.
        order.sort((i, j) => {
          const [a, b] = [value(i), value(j)];
          if (a === null || b === null) return (a === null) - (b === null) || i - j;
          return (down ? -1 : 1) * compare(a, b) || i - j;
        });
        fill();
      });
      return head;
    });
    const button = (text, act) => {
      const made = el("button", { type: "button" }, text);
      made.addEventListener("click", act);
      return made;
    };
    dialog.append(
      el("div", { class: "cpec-table-head" }, el("h2", { dir: "auto" }, layer.name.slice(0, 120)),
        button(t("Save as GeoJSON"), () => save(layer.name, ".geojson", geojson(map, group), "application/geo+json")),
        button(t("Save as CSV"), () => save(layer.name, ".csv", csv(map, group), "text/csv")), close),
      el("div", { class: "cpec-table-body", tabindex: 0, role: "region", "aria-label": t("Rows") },
        el("table", {}, el("caption", {}, layer.n === 1 ? t("1 row") : t("{count} rows", { count: cpecgeo.number(layer.n) })),
          el("thead", {}, el("tr", {}, ...heads)), rows), more));
    close.addEventListener("click", () => dialog.close());
    dialog.addEventListener("close", () => dialog.remove());
    fill();
    document.body.append(dialog);
    dialog.showModal();
  };

  // A button beside each layer in the list of layers.
  cpecgeo.tableButtons = function (map, control) {
    for (const input of control.getContainer().querySelectorAll(".leaflet-control-layers-selector")) {
      const found = control._getLayer(input.layerId);
      const layer = found && found.layer.cpecLayer;
      if (!layer || !layer.n) continue;
      const text = t("Table of {name}", { name: layer.name.slice(0, 80) });
      const button = el("button", { type: "button", class: "cpec-table-button", title: text, "aria-label": text },
        cpecgeo.icon("M3 4h14v12H3Z M3 8h14 M3 12h14 M8 4v12"));
      button.addEventListener("click", (event) => { event.preventDefault(); cpecgeo.openTable(map, found.layer); });
      input.closest("label").after(button);
    }
  };
})();
