// What a feature tells: names in three languages, its figures, and where they come from.

cpecgeo.STATUS = {
  operating: "Operating",
  under_construction: "Under construction",
  planned: "Planned",
  suspended: "Suspended",
  closed: "Closed",
};

cpecgeo.nameOf = function (layer, i) {
  const columns = layer.columns;
  const name = cpecgeo.cell(columns.title, i) ?? cpecgeo.cell(columns.name, i);
  return name === null || name === undefined || name === "" ? null : String(name);
};

// A value of the data model as people write it.
cpecgeo.plain = (column, value) =>
  (["kind", "basis"].includes(column) && typeof value === "string" ? value.replaceAll("_", " ") : value);

cpecgeo.popup = function (layer, i) {
  const { el, cell } = cpecgeo;
  const columns = layer.columns;
  const box = el("div", { class: "cpec-popup" });
  const name = cpecgeo.nameOf(layer, i);
  box.append(el("h2", { dir: "auto" }, name === null ? layer.name : name));
  const urdu = cell(columns.name_ur, i);
  const chinese = cell(columns.name_zh, i);
  if (urdu) box.append(el("p", { class: "cpec-name", lang: "ur", dir: "rtl" }, urdu));
  if (chinese) box.append(el("p", { class: "cpec-name", lang: "zh" }, chinese));
  const line = el("p", { class: "cpec-kindline" });
  if (name !== null) line.append(el("span", {}, layer.name));
  const status = cell(columns.status, i);
  if (status) line.append(el("span", { class: "cpec-status" }, cpecgeo.STATUS[status] || status));
  if (line.childNodes.length) box.append(line);
  const table = el("dl");
  for (const [column, title, unit] of layer.fields) {
    const value = cell(columns[column], i);
    if (value === null || value === undefined || value === "") continue;
    table.append(el("dt", {}, title));
    if (Array.isArray(value)) {
      const list = el("ul");
      for (const item of value) list.append(el("li", { dir: "auto" }, cpecgeo.withUnit(item, unit)));
      table.append(el("dd", {}, list));
    } else {
      table.append(el("dd", { dir: "auto" }, cpecgeo.withUnit(cpecgeo.plain(column, value), unit)));
    }
  }
  if (table.childNodes.length) box.append(table);
  return box;
};

// The name alone, for a pointer that rests on the feature.
cpecgeo.tip = function (layer, i) {
  const name = cpecgeo.nameOf(layer, i);
  return cpecgeo.el("span", { dir: "auto" }, name === null ? layer.name : name.slice(0, 120));
};
