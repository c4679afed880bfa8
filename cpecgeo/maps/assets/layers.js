// Tables of features become leaflet layers.

(function () {
  const { el, cell, latlngs } = cpecgeo;

  const SHAPES = {
    circle: '<circle cx="10" cy="10" r="7"/>',
    square: '<rect x="4" y="4" width="12" height="12"/>',
    diamond: '<path d="M10 2 18 10 10 18 2 10Z"/>',
    triangle: '<path d="M10 2.5 18 16.5H2Z"/>',
    down: '<path d="M10 17.5 2 3.5H18Z"/>',
    pentagon: '<path d="M10 2 18 8 15 17H5L2 8Z"/>',
    hexagon: '<path d="M6 3H14L18 10 14 17H6L2 10Z"/>',
    star: '<path d="M10 1.5 12.6 7.2 18.8 7.9 14.2 12.1 15.4 18.2 10 15.1 4.6 18.2 5.8 12.1 1.2 7.9 7.4 7.2Z"/>',
  };

  // A symbol of a fixed set of shapes; its colour is set as an attribute.
  cpecgeo.symbol = function (shape, color, size, outlined) {
    const holder = el("span", { class: "cpec-symbol", "aria-hidden": "true" });
    holder.innerHTML = '<svg viewBox="0 0 20 20">' + (SHAPES[shape] || SHAPES.circle) + "</svg>";
    const svg = holder.firstChild;
    svg.setAttribute("width", size);
    svg.setAttribute("height", size);
    svg.firstChild.setAttribute("fill", color);
    svg.firstChild.setAttribute("stroke", outlined ? OUTLINE : "#fff");
    svg.firstChild.setAttribute("stroke-width", outlined ? "1" : "1.6");
    return holder;
  };

  cpecgeo.dashes = function (pattern, weight) {
    return pattern ? pattern.split(" ").map((n) => (n * weight).toFixed(1)).join(" ") : null;
  };

  const lookOf = (layer, i) => layer.looks[layer.look ? layer.look[i] : 0];

  // Pixels from the middle of a symbol to its edge, which a column may say.
  cpecgeo.radiusOf = (layer, i) => lookOf(layer, i).radius ?? layer.style.radius;

  // Lines that may share a road run side by side, `aside` pixels to the right of where they are.
  const Beside = L.Polyline.extend({
    _projectLatlngs: function (all, result, bounds) {
      if (!L.LineUtil.isFlat(all)) {
        all.forEach((part) => this._projectLatlngs(part, result, bounds));
        return;
      }
      // Without bends that are smaller than the line is wide, which would become loops.
      const aside = this.options.aside * (this.options.grows ? Math.max(1, cpecgeo.growth(this._map.getZoom())) : 1);
      const points = L.LineUtil.simplify(all.map((at) => this._map.latLngToLayerPoint(at)), 1.5);
      const moved = points.map((p, k) => {
        const along = points[Math.min(points.length - 1, k + 1)].subtract(points[Math.max(0, k - 1)]);
        const share = aside / (Math.hypot(along.x, along.y) || 1);
        return p.add([-along.y * share, along.x * share]);
      });
      moved.forEach((p) => bounds.extend(p));
      result.push(moved);
    },
  });

  function path(layer, i, parts, type, renderer) {
    const look = lookOf(layer, i);
    const style = layer.style;
    const base = {
      pane: layer.pane,
      renderer: renderer,
      interactive: style.interactive,
      color: look.color,
      weight: look.weight,
      className: "cpec-path",
    };
    const decode = (deltas) => latlngs(deltas, style.unit);
    if (type === 2) {
      base.lineCap = look.dash.startsWith("0.") ? "round" : "butt";
      base.dashArray = style.dash || cpecgeo.dashes(look.dash, look.weight);
      base.smoothFactor = 1;
      if (style.solid) Object.assign(base, { dashArray: null, lineCap: "round", opacity: style.opacity });
      if (style.aside) return new Beside(parts.map(decode), Object.assign(base, {
        aside: style.aside, grows: style.grow, lineCap: base.dashArray ? base.lineCap : "round",
      }));
      return L.polyline(parts.map(decode), base);
    }
    base.weight = style.areaWeight ?? 1.2;
    base.fillOpacity = style.fill;
    base.fillColor = look.color;
    Object.assign(base, style.path || {});
    return L.polygon(parts.map((rings) => rings.map(decode)), base);
  }

  // A light edge below a line keeps lines that run side by side apart; a railway has cross-ties,
  // so that it is one without its colour.
  function dress(line, look, pane) {
    const under = (options) => {
      const { aside, grows } = line.options;
      const below = new (aside ? Beside : L.Polyline)(line.getLatLngs(), Object.assign({
        pane: pane, interactive: false, lineCap: "butt", aside, grows,
      }, options));
      line.on("add", (event) => below.addTo(event.target._map));
      line.on("remove", () => below.remove());
      return below;
    };
    line.cpecEdge = under({ color: "#fffdf9", opacity: 0.9, weight: line.options.weight + 2.4 });
    if (look.ties) {
      line.cpecTies = under({ color: look.color, weight: line.options.weight + TIE, dashArray: TIES });
    }
  }

  const TIE = 3.6;
  const TIES = "1.2 9";

  // Widths of lines and sizes of symbols: thin from afar, strong close by.
  cpecgeo.growth = (zoom) => Math.max(0.75, Math.min(1.6, 0.8 + (zoom - 5) * 0.09));

  // Pale classes of a value would vanish on the land.
  const OUTLINE = "#57524a";

  function marker(layer, i, at) {
    const look = lookOf(layer, i);
    const style = layer.style;
    if (look.shape === "circle") {
      return L.circleMarker(at, {
        pane: layer.pane,
        interactive: style.interactive,
        radius: cpecgeo.radiusOf(layer, i),
        color: style.outlined ? OUTLINE : "#fff",
        weight: style.outlined ? 0.8 : 1.2,
        fillColor: look.color,
        fillOpacity: look.radius ? 0.8 : 1,
        className: "cpec-path",
      });
    }
    const size = cpecgeo.radiusOf(layer, i) * (look.radius ? 2 : 3);
    const made = L.marker(at, {
      pane: layer.pane,
      keyboard: true,
      interactive: style.interactive,
      icon: L.divIcon({
        className: "cpec-icon",
        html: cpecgeo.symbol(look.shape, look.color, size, style.outlined).firstChild,
        iconSize: [size, size],
      }),
    });
    return made;
  }

  function feature(layer, i, renderer) {
    const [type, parts] = layer.geometry[i] || [0];
    if (!type || layer.style.hidden) return null;
    let made;
    if (type === 1) {
      const at = latlngs(parts, layer.style.unit);
      made = at.length === 1 ? marker(layer, i, at[0])
        : L.featureGroup(at.map((p) => marker(layer, i, p)));
    } else {
      made = path(layer, i, parts, type, renderer);
      if (type === 2 && layer.style.grow && !layer.style.solid) {
        dress(made, lookOf(layer, i), layer.shift ? layer.pane + "-edge" : "cpec-edge");
      }
    }
    made.cpecId = [layer.key, i];
    if (layer.style.interactive) {
      made.bindPopup(() => cpecgeo.popup(layer, i), { maxWidth: 340, minWidth: 200, autoPan: false });
      made.bindTooltip(() => cpecgeo.tip(layer, i), { sticky: type !== 1, direction: "auto" });
    }
    return made;
  }

  // Called by the page for each layer; `show` is folium's business.
  cpecgeo.layer = function (map, key) {
    const layer = map.cpec.data.layers[key];
    layer.key = key;
    layer.pane = "cpec-" + layer.style.pane;
    if (layer.style.fromZoom) {
      const z = map.getPane(layer.pane).style.zIndex;
      layer.pane = "cpec-own-" + key;
      map.createPane(layer.pane).style.zIndex = z - 5;
    }
    // Railways beside roads are set off by some pixels from afar, where both would be one line.
    if (layer.style.shift) {
      layer.shift = true;
      layer.pane = "cpec-own-" + key;
      map.createPane(layer.pane).style.zIndex = 421;
      map.createPane(layer.pane + "-edge").style.zIndex = 416;
    }
    let group;
    if (layer.cloud) {
      group = layer.cluster ? new cpecgeo.Crowd(layer) : new cpecgeo.Cloud(layer);
    } else {
      const renderer = layer.style.pane === "background" ? background(map) : undefined;
      group = L.featureGroup();
      group.cpecItems = [];
      for (let i = 0; i < layer.n; i += 1) {
        group.cpecItems.push(feature(layer, i, renderer));
      }
      // Large symbols lie below small ones.
      const turn = [...group.cpecItems.keys()];
      if (layer.looks.some((look) => look.radius)) {
        turn.sort((a, b) => cpecgeo.radiusOf(layer, b) - cpecgeo.radiusOf(layer, a));
      }
      for (const i of turn) if (group.cpecItems[i]) group.addLayer(group.cpecItems[i]);
      // North of the outlines there is land, too, and tall screens see it.
      if (key === "countries" && layer.bounds) {
        const [west, , east, north] = layer.bounds;
        group.addLayer(L.rectangle([[north - 0.01, west], [60, east]], { pane: layer.pane, renderer, interactive: false,
          stroke: false, fillOpacity: 1, fillColor: layer.looks[0].color }));
      }
      if (layer.style.image && !map.cpec.data.paper) group.addLayer(relief(map, layer.style));
    }
    group.cpecLayer = layer;
    // Names of givers come from a fixed list, not from the data; leaflet writes them as markup.
    const credits = layer.credits || [];
    group.on("add", () => credits.forEach(([name]) => map.attributionControl.addAttribution(name)));
    group.on("remove", () => credits.forEach(([name]) => map.attributionControl.removeAttribution(name)));
    map.cpec.layers[key] = group;
    return group;
  };

  // Shaded relief between the background and the features, from a picture of its darkness. It
  // fades with the zoom, and ends where its pixels would be too coarse. A sheet printed by a
  // program has lines only, and no relief.
  function relief(map, { image, box: [west, south, east, north] }) {
    const canvas = el("canvas", { "aria-hidden": "true" });
    const pane = map.getPane("cpec-relief");
    const fade = () => { pane.style.opacity = Math.max(0, Math.min(1, 1 - (map.getZoom() - 6.5) / 5)); };
    map.on("zoomend", fade);
    fade();
    const picture = new Image();
    picture.addEventListener("load", () => {
      Object.assign(canvas, { width: picture.width, height: picture.height });
      const pen = canvas.getContext("2d", { willReadFrequently: true });
      pen.drawImage(picture, 0, 0);
      const all = pen.getImageData(0, 0, picture.width, picture.height);
      // Bytes of a pixel are red, green, blue, alpha, from the lowest on.
      const pixels = new Uint32Array(all.data.buffer);
      for (let k = 0; k < pixels.length; k += 1) pixels[k] = (0x28323a | ((255 - (pixels[k] & 255)) << 24)) >>> 0;
      pen.putImageData(all, 0, 0);
    });
    picture.src = image;
    return L.svgOverlay(canvas, [[south, west], [north, east]], { pane: "cpec-relief" });
  }

  // The ground is drawn on one canvas, which pans without repainting.
  function background(map) {
    if (!map.cpec.canvas) {
      // For a program that prints, the ground is lines, too.
      const make = map.cpec.data.paper ? L.svg : L.canvas;
      map.cpec.canvas = make({ pane: "cpec-background", padding: 0.4 });
    }
    return map.cpec.canvas;
  }

  // A layer of folium's own, which the layer control is to offer.
  cpecgeo.adopt = function (map, layer, name) {
    map.cpec.adopted.push({ layer: layer, name: name });
  };

  // Open a feature's popup where the map is.
  cpecgeo.open = function (map, key, i) {
    const group = map.cpec.layers[key];
    if (!map.hasLayer(group)) map.addLayer(group);
    if (group.cpecLayer.cloud) group.open(i);
    else if (group.cpecItems[i] && map.hasLayer(group.cpecItems[i])) group.cpecItems[i].openPopup();
  };

  // Fly to a feature and open its popup, whatever layer it is in.
  cpecgeo.goTo = function (map, key, i) {
    const group = map.cpec.layers[key];
    const layer = group.cpecLayer;
    if (!map.hasLayer(group)) map.addLayer(group);
    if (layer.cloud) {
      group.goTo(map, i);
      return;
    }
    const item = group.cpecItems[i];
    if (!item) {
      const [, parts] = layer.geometry[i] || [0];
      if (parts) map.fitBounds(L.latLngBounds(latlngs(parts, layer.style.unit)), { maxZoom: 9 });
      return;
    }
    const time = map.cpec.time;
    if (time !== null && !cpecgeo.stands(layer, i, time)) cpecgeo.setTime(map, null);
    const moves = { animate: !cpecgeo.still(), duration: 0.6 };
    const open = () => { if (map.hasLayer(item)) item.openPopup(); };
    if (item.getBounds) {
      map.once("moveend", () => setTimeout(open, 0));
      map.fitBounds(item.getBounds(), Object.assign({ maxZoom: 12, padding: [40, 40] }, moves));
    } else {
      map.once("moveend", () => setTimeout(open, 0));
      map.setView(item.getLatLng(), Math.max(map.getZoom(), 10), moves);
    }
    // A map that is there already doesn't move.
    setTimeout(() => { if (!item.isPopupOpen()) open(); }, 900);
  };

  const SHIFT_PX = 2.6;

  function shift(map, zoom) {
    const roads = map.cpec.layers.road;
    for (const group of Object.values(map.cpec.layers)) {
      const layer = group.cpecLayer;
      if (!layer.shift) continue;
      const px = roads && map.hasLayer(roads) && zoom < 8.5 ? -SHIFT_PX : 0;
      for (const end of ["", "-edge"]) {
        map.getPane(layer.pane + end).style.transform = px ? "translate(" + px + "px," + px + "px)" : "";
      }
    }
  }

  // Points at the same position are arranged around it.
  function separate(map) {
    const cells = new Map();
    for (const group of Object.values(map.cpec.layers)) {
      const layer = group.cpecLayer;
      if (!group.cpecItems || layer.style.fixed || !map.hasLayer(group) || layer.n > 2000) continue;
      group.cpecItems.forEach((item) => {
        if (!item || !item.getLatLng || !group.hasLayer(item) || !item.getElement()) return;
        const p = map.latLngToLayerPoint(item.getLatLng());
        const key = Math.round(p.x / 7) + "," + Math.round(p.y / 7);
        if (!cells.has(key)) cells.set(key, []);
        cells.get(key).push(item);
      });
    }
    for (const items of cells.values()) {
      const radius = items.length > 1 ? 5 + 3 * Math.min(items.length, 8) / 2 : 0;
      items.forEach((item, k) => {
        const turn = (2 * Math.PI * k) / items.length - Math.PI / 2;
        const x = Math.round(radius * Math.cos(turn));
        const y = Math.round(radius * Math.sin(turn));
        item.cpecAside = radius ? [x, y] : null;
        const node = item.getElement();
        if (item.options.icon) {
          const half = item.options.icon.options.iconSize[0] / 2;
          node.style.marginLeft = x - half + "px";
          node.style.marginTop = y - half + "px";
        } else {
          node.style.transform = radius ? "translate(" + x + "px," + y + "px)" : "";
        }
      });
    }
  }

  // Changes with the zoom level: layers of small things have their own pane, which is shown
  // from their level on; so are minor stops; lines and symbols grow.
  cpecgeo.appearWithZoom = function (map) {
    const groups = Object.values(map.cpec.layers);
    const late = groups.map((g) => g.cpecLayer).filter((l) => l.style.fromZoom);
    const graded = groups.filter((g) => g.cpecItems && g.cpecLayer.style.zooms);
    const growing = groups.filter((g) => g.cpecItems && g.cpecLayer.style.grow);
    let size = 0;
    const update = () => {
      const zoom = map.getZoom();
      shift(map, zoom);
      separate(map);
      for (const layer of late) {
        map.getPane(layer.pane).style.display = zoom < layer.style.fromZoom ? "none" : "";
      }
      for (const group of graded) {
        group.cpecItems.forEach((item, i) => {
          const node = item && item.getElement && item.getElement();
          if (node) node.style.display = zoom < group.cpecLayer.style.zooms[i] ? "none" : "";
        });
      }
      cpecgeo.bands(map, growing);
      if (size === cpecgeo.growth(zoom)) return;
      size = cpecgeo.growth(zoom);
      map.getContainer().style.setProperty("--cpec-size", Math.min(size, 1.15));
      for (const group of growing) {
        group.cpecItems.forEach((item, i) => {
          if (!item || !item.cpecEdge) return;
          const look = lookOf(group.cpecLayer, i);
          const weight = look.weight * size;
          item.setStyle({ weight: weight, dashArray: cpecgeo.dashes(look.dash, weight) });
          item.cpecEdge.setStyle({ weight: weight + 2.4 });
          if (item.cpecTies) item.cpecTies.setStyle({ weight: weight + TIE });
        });
      }
    };
    let frame = 0;
    map.on("zoomend viewreset", update);
    map.on("moveend", () => cpecgeo.bands(map, growing));
    map.on("layeradd layerremove cpec:year", () => {
      cancelAnimationFrame(frame);
      frame = requestAnimationFrame(update);
    });
    update();
  };

  // From which zoom level on, and from how many pixels, a line's accuracy is drawn as a band.
  const [BAND_ZOOM, BAND_FROM] = [8.5, 7];

  // At large scales a pale band shows the 95 % accuracy on both sides of the line. Where it would
  // cover the whole view, the legend states it instead.
  cpecgeo.bands = function (map, groups) {
    const zoom = map.getZoom();
    const size = map.getSize();
    const most = Math.hypot(size.x, size.y) / 2;
    let any = false;
    let [low, high] = [Infinity, 0];
    for (const group of groups) {
      group.cpecItems.forEach((item, i) => {
        const km = cell(group.cpecLayer.columns.accuracy_km, i);
        if (!item || !item.cpecEdge || typeof km !== "number") return;
        const at = item.getBounds().getCenter();
        const px = (km * 256 * 2 ** zoom) / (40075.017 * Math.cos((at.lat * Math.PI) / 180));
        const told = zoom >= BAND_ZOOM && px >= BAND_FROM && group.hasLayer(item) && map.hasLayer(group)
          && cpecgeo.inSight(map, item, Math.min(px, most)).length > 0;
        const shown = told && px <= most;
        if (told && !shown && cpecgeo.inSight(map, item, 0).length) [low, high] = [Math.min(low, km), Math.max(high, km)];
        if (!shown) {
          if (item.cpecBand) item.cpecBand.remove();
          return;
        }
        any = true;
        if (!item.cpecBand) {
          item.cpecBand = L.polyline(item.getLatLngs(), { pane: "cpec-band", interactive: false, noClip: true,
            color: "#57524a", opacity: 1, lineCap: "round" });
        }
        item.cpecBand.setStyle({ weight: 2 * px });
        item.cpecBand.addTo(map);
      });
    }
    const vague = high ? [...new Set([low, high])].map((km) => cpecgeo.number(km, 1)).join("\u2013") + "\u00a0" + cpecgeo.t("km") : "";
    if (map.cpec.banded !== any || map.cpec.vague !== vague) {
      Object.assign(map.cpec, { banded: any, vague });
      map.fire("cpec:density");
    }
  };

  cpecgeo.eachItem = function (map, visit) {
    for (const group of Object.values(map.cpec.layers)) {
      if (group.cpecItems) group.cpecItems.forEach((item, i) => item && visit(group, item, i));
    }
  };
})();
