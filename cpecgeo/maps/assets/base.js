// Shared by all parts of the page: the data block, decoding, and elements made of text.

const cpecgeo = (function () {
  // Translations of the page's own texts and of the data's words; others stay English.
  let words = {};

  const lang = () => document.documentElement.lang;

  // A text of the page in its language, with values in place of {names}.
  function t(text, values) {
    const said = Object.hasOwn(words, text) ? words[text] : text;
    return values ? said.replace(/\{(\w+)\}/g, (all, name) => (Object.hasOwn(values, name) ? values[name] : all)) : said;
  }

  // How dates are written; figures stay those of the data.
  const dates = () => ({ ur: "ur-PK-u-nu-latn", zh: "zh-CN" }[lang()] || "en-GB");

  // An element. Texts are set as text, never parsed, so nothing in the data can become markup.
  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined && value !== "") node.setAttribute(name, value);
    }
    for (const child of children) {
      if (child !== null && child !== undefined) {
        node.append(child instanceof Node ? child : String(child));
      }
    }
    return node;
  }

  // A drawing of lines for a button, from a path of our own.
  function icon(path) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const set = { viewBox: "0 0 20 20", width: 16, height: 16, class: "cpec-tool", "aria-hidden": "true" };
    for (const [name, value] of Object.entries(set)) svg.setAttribute(name, value);
    line.setAttribute("d", path);
    line.setAttribute("fill", "none");
    line.setAttribute("stroke", "currentColor");
    line.setAttribute("stroke-width", "1.7");
    svg.append(line);
    return svg;
  }

  // Whole numbers from Google's polyline characters.
  function integers(text) {
    const out = [];
    let value = 0;
    let shift = 0;
    for (let k = 0; k < text.length; k += 1) {
      const byte = text.charCodeAt(k) - 63;
      value |= (byte & 31) << shift;
      shift += 5;
      if (byte < 32) {
        out.push(value & 1 ? ~(value >> 1) : value >> 1);
        value = 0;
        shift = 0;
      }
    }
    return out;
  }

  // Differences back to [lat, lon] pairs.
  function latlngs(text, unit) {
    const deltas = integers(text);
    const scale = unit || 1e-5;
    const out = [];
    let x = 0;
    let y = 0;
    for (let i = 0; i < deltas.length; i += 2) {
      x += deltas[i];
      y += deltas[i + 1];
      out.push([y * scale, x * scale]);
    }
    return out;
  }

  // Two numbers of a point: each ends in a character below «_».
  const PAIR = /(?:[_-~]*[?-^]){2}/g;

  // Restore the lists that the other scripts read. Indices and single points come as text; a part
  // of a line that was written before comes as its number.
  function unpack(data) {
    const LONG = 24;
    const parts = [];
    const known = (part) => {
      if (typeof part === "number") return parts[part];
      if (part.length >= LONG) parts.push(part);
      return part;
    };
    // A list comes as the count of its items, then the number of each; 0 is null.
    const gather = (items, text, join) => {
      const turns = integers(text);
      const rows = [];
      for (let k = 0; k < turns.length; k += 1 + turns[k]) {
        rows.push(turns[k] ? join(turns.slice(k + 1, k + 1 + turns[k]).map((turn) => items[turn])) : null);
      }
      return rows;
    };
    const list = (column) => {
      if (column.l) return gather(column.v, column.l, (all) => all);
      if (column.t) return gather(column.v, column.t, (all) => all.join(""));
      if (column.i) column.i = integers(column.i);
      return column;
    };
    for (const layer of data.order.map((key) => data.layers[key])) {
      for (const [name, column] of Object.entries(layer.columns)) layer.columns[name] = list(column);
      if (layer.times) layer.times.v = list(layer.times.v);
      if (layer.look) layer.look = integers(layer.look);
      if (typeof layer.geometry === "string") layer.geometry = layer.geometry.match(PAIR).map((text) => [1, text]);
      else for (const one of layer.geometry || []) if (one && one[0] === 2) one[1] = one[1].map(known);
    }
  }

  // A column's value in row i, however the column is written.
  function cell(column, i) {
    if (!column) return null;
    return Array.isArray(column) ? column[i] : column.v[column.i[i]];
  }

  function number(value, digits) {
    return value.toLocaleString("en", { maximumFractionDigits: digits === undefined ? 2 : digits });
  }

  // 1234.5 km as people read it.
  function withUnit(value, unit) {
    if (typeof value === "boolean") return value ? t("yes") : t("no");
    if (typeof value !== "number") return String(value);
    if (unit === "year") return String(value);
    const text = number(value, Math.abs(value) >= 100 ? 1 : 3);
    return unit ? text + "\u00a0" + unit : text;
  }

  const still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

  // The map, with its settings in `map.cpec`.
  function map(id, options) {
    const data = JSON.parse(document.getElementById(id + "_data").textContent);
    words = data.words || {};
    unpack(data);
    const moving = !still();
    const made = L.map(id, Object.assign({
      zoomSnap: 0.25,
      zoomDelta: 1,
      wheelPxPerZoomLevel: 90,
      minZoom: 2,
      maxZoom: 18,
      zoomAnimation: moving,
      fadeAnimation: moving,
      markerZoomAnimation: moving,
      inertia: moving,
      worldCopyJump: false,
    }, options));
    made.cpec = { data: data, layers: {}, adopted: [], posts: null, labels: null, time: null };
    made.attributionControl.setPrefix(false);
    // From the ground up; labels and posts let the pointer through.
    const panes = { background: 210, relief: 215, band: 340, area: 350, edge: 415, line: 420, point: 450, posts: 610, labels: 620 };
    for (const [name, z] of Object.entries(panes)) {
      made.createPane("cpec-" + name).style.zIndex = z;
    }
    made.getPane("cpec-band").style.opacity = "0.12";
    made.getPane("cpec-posts").style.pointerEvents = "none";
    made.getPane("cpec-labels").style.pointerEvents = "none";
    fit(made);
    fitWhenSeen(made);
    return made;
  }

  // In a frame the script may run before the map has a size; no view fits a map of no size.
  function fitWhenSeen(target) {
    const box = target.getContainer();
    const sized = () => box.clientWidth > 0 && box.clientHeight > 0;
    if (sized()) return;
    const watch = new ResizeObserver(() => {
      if (!sized()) return;
      watch.disconnect();
      target.invalidateSize({ animate: false });
      fit(target);
    });
    watch.observe(box);
  }

  // Width of the panels at a side of the map, which the view must avoid.
  function beside(target, selector) {
    const found = [...target.getContainer().querySelectorAll(selector)].filter((e) => e.offsetParent);
    return Math.max(8, ...found.map((e) => e.offsetWidth + 20));
  }

  // The view that the data asks for, between the panels where that costs little size.
  function fit(target) {
    const data = target.cpec.data;
    if (data.start) {
      target.setView(data.start[0], data.start[1], { animate: false });
    } else {
      const [west, south, east, north] = data.view;
      const bounds = L.latLngBounds([south, west], [north, east]);
      const right = beside(target, ".leaflet-control-layers-expanded");
      const corner = target.getContainer().querySelector(".leaflet-bottom.leaflet-left");
      // Left, bottom and right: beside everything in the corner, beside the legend, or above both.
      // On a phone the credits are as wide as the map and several lines high.
      const credits = target.getSize().x < 700 ? target.getContainer().querySelector(".leaflet-control-attribution") : null;
      // Large symbols at the edge are whole.
      const spare = Math.max(8, ...Object.values(data.layers).flatMap((layer) => layer.looks.map((look) => (look.radius || 0) + 4)));
      const low = credits ? credits.offsetHeight + spare : spare;
      const clear = [
        [beside(target, ".leaflet-bottom.leaflet-left > *"), low, right],
        [beside(target, ".cpec-legend[open]"), low, right],
        [56, Math.max(8, corner ? corner.offsetHeight + 8 : 0), right],
      ];
      const zoom = (pad) => target.getBoundsZoom(bounds, false, L.point(pad[0] + pad[2], pad[1] + spare));
      const widest = Math.min(14, zoom([8, 8, 8]));
      const size = target.getSize();
      const fits = (loss) => (pad) => pad[0] + pad[2] <= Math.max(size.x / 2, 16)
        && pad[1] <= Math.max(size.y / 2, 8) && zoom(pad) >= widest - loss;
      // Beside the button of the layers, too, where that costs no more.
      const button = beside(target, ".leaflet-control-layers");
      const apart = clear.filter(([left]) => left > 8).map(([left, bottom]) => [left, bottom, button]);
      const pad = apart.find(fits(0.25)) || clear.find(fits(0.25)) || clear.find(fits(0.5)) || [[56, 8, right]].find(fits(0.25)) || [8, 8, 8];
      // Where the map isn't beside the button of the layers, it may be below it.
      const closed = target.getContainer().querySelector(".leaflet-control-layers:not(.leaflet-control-layers-expanded)");
      const under = closed ? closed.offsetHeight + 16 : spare;
      const above = pad[2] < button && target.getBoundsZoom(bounds, false, L.point(pad[0] + pad[2], pad[1] + under)) >= zoom(pad) - 0.25 ? under : spare;
      target.fitBounds(bounds, { animate: false, maxZoom: 14,
        paddingTopLeft: [pad[0], above], paddingBottomRight: [pad[2], pad[1]] });
    }
    target.cpec.fitted = { center: target.getCenter(), zoom: target.getZoom() };
  }

  return { t, lang, dates, el, icon, integers, latlngs, cell, number, withUnit, still, map, fit };
})();
