// Every control by its name.

(function () {
  const { el, t } = cpecgeo;
  const wide = (map) => map.getSize().x >= 900;

  const make = {
    zoom: (map) => {
      map.zoomControl = L.control.zoom({ position: "topleft", zoomInTitle: t("Zoom in"), zoomOutTitle: t("Zoom out") }).addTo(map);
    },
    scale: (map) => {
      const control = L.control.scale({ imperial: false, maxWidth: 140 });
      const write = control._updateScale;
      control._updateScale = (line, text, ratio) =>
        write.call(control, line, text.replace(/\w+$/, (unit) => (unit === "km" ? t("km") : t("m"))), ratio);
      control.addTo(map);
    },
    search: (map) => cpecgeo.search(map),
    measure: (map) => cpecgeo.measure(map),
    legend: (map) => new cpecgeo.Legend().addTo(map),
    timeline: (map) => cpecgeo.timeline(map),
    print: (map) => cpecgeo.printButton(map),
    share: (map) => cpecgeo.share(map),
    fullscreen: (map) => {
      if (document.fullscreenEnabled) {
        L.control.fullscreen({ title: t("Full screen"), titleCancel: t("Leave full screen") }).addTo(map);
      }
    },
    position: (map) => L.control.mousePosition({
      position: "bottomright",
      emptyString: "",
      formatter: (lon, lat) => {
        const part = (v, plus, minus) => Math.abs(v).toFixed(4) + "° " + (v < 0 ? minus : plus);
        return part(lat, t("N"), t("S")) + ", " + part(lon, t("E"), t("W"));
      },
    }).addTo(map),
    minimap: (map) => {
      const ground = [map.cpec.data.layers.countries, map.cpec.data.layers.home];
      if (!ground[0] || !wide(map)) return;
      const copy = L.featureGroup();
      ground.forEach((layer, home) => {
        for (const [type, parts] of layer.geometry) {
          if (type !== 3) continue;
          L.polygon(parts.map((rings) => rings.map((r) => cpecgeo.latlngs(r, layer.style.unit))), {
            color: "#8d867a", weight: 0.6, fillColor: home ? "#fffdf9" : "#e6e0d4", fillOpacity: 1,
            interactive: false,
          }).addTo(copy);
        }
      });
      const control = new L.Control.MiniMap(copy, {
        position: "bottomright", width: 130, height: 120, toggleDisplay: true,
        zoomLevelFixed: 2,
        mapOptions: { zoomSnap: 0.25, keyboard: false },
        aimingRectOptions: { color: "#b8470c", weight: 1.5, fill: false, interactive: false },
        shadowRectOptions: { color: "#3a3a3a", weight: 1, interactive: false, opacity: 0, fillOpacity: 0 },
        strings: { hideText: t("Hide the overview"), showText: t("Show the overview") },
      }).addTo(map);
      // When two moves of the map follow each other, the plugin takes the end of the overview's glide
      // for a move by the reader, and moves the map back. Without a glide there is no such end.
      const mini = control._miniMap;
      mini.setView = (center, zoom) => L.Map.prototype.setView.call(mini, center, zoom, { animate: false });
      control.getContainer().querySelector("a").setAttribute("role", "button");
    },
    layers: (map) => {
      const groups = Object.create(null);
      // The plugin writes names as markup, so it is given markup of texts.
      const markup = (...nodes) => el("div", {}, ...nodes).innerHTML;
      const put = (group, name, entry, layer) => {
        const heading = markup(group);
        groups[heading] = groups[heading] || Object.create(null);
        let label = markup(entry ? cpecgeo.swatch(entry, layer && layer.cpecLayer) : el("span", { class: "cpec-symbol" }), el("span", { dir: "auto" }, name));
        while (Object.hasOwn(groups[heading], label)) label += " ";
        groups[heading][label] = layer;
      };
      for (const key of map.cpec.data.order) {
        const group = map.cpec.layers[key];
        const layer = group.cpecLayer;
        if (layer.control) {
          const shown = (layer.legend || []).filter((one) => one.type !== "none");
          const entry = shown.length > 1 ? { colors: shown.map((one) => one.color), type: "classes" } : shown[0] || null;
          put(layer.group || t("Layers"), layer.name.slice(0, 80), entry, group);
        }
      }
      if (map.cpec.posts) put(t("Marks"), t("Km posts"), null, map.cpec.posts);
      const tiles = map.cpec.adopted.filter(({ layer }) => layer instanceof L.TileLayer);
      for (const { layer, name } of map.cpec.adopted) {
        put(tiles.includes(layer) || layer instanceof L.TileLayer ? ground() : t("Added"), name.slice(0, 80), null, layer);
      }
      // The drawn areas of land are one choice among the tiles; over them they would hide them.
      const land = ["countries", "home"].map((key) => map.cpec.layers[key]).filter(Boolean);
      if (tiles.length && land.length) {
        const drawn = L.layerGroup(land);
        if (land.every((group) => map.hasLayer(group))) map.addLayer(drawn);
        put(ground(), t("Drawn land"), null, drawn);
      }
      if (!Object.keys(groups).length) return;
      const control = L.control.groupedLayers(null, groups, {
        collapsed: !wide(map), position: "topright", groupCheckboxes: true,
        exclusiveGroups: tiles.length + (land.length ? 1 : 0) > 1 ? [markup(ground())] : [],
      }).addTo(map);
      openByClick(control);
      // Each change rebuilds the list; the focus is kept where it was.
      const update = control._update;
      control._update = function () {
        const focused = document.activeElement && document.activeElement.layerId;
        update.call(this);
        label(this);
        if (focused) {
          for (const input of this._form.elements) if (input.layerId === focused) input.focus();
        }
      };
      label(control);
      map.cpec.layerControl = control;
    },
  };

  const ground = () => t("Background");

  // The plugin opens when a finger is pressed; its release would then tick an entry below it.
  function openByClick(control) {
    const link = control._layersLink;
    if (!link) return;
    const box = control.getContainer();
    L.DomEvent.off(box, "mouseover", control._expand, control);
    L.DomEvent.off(box, "mouseout", control._collapse, control);
    L.DomEvent.off(link, "focus", control._expand, control);
    L.DomEvent.off(link, "click");
    link.addEventListener("click", (event) => {
      event.preventDefault();
      event.stopPropagation();
      control._expand();
      control._map.fire("cpec:panels");
      const first = box.querySelector(".leaflet-control-layers-selector, .leaflet-control-layers-group-selector");
      if (event.detail === 0 && first) first.focus();
    });
    box.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { control._collapse(); link.focus(); }
    });
    // A press outside closes the list.
    document.addEventListener("pointerdown", (event) => {
      if (!box.contains(event.target)) control._collapse();
    });
  }

  function label(control) {
    cpecgeo.tableButtons(control._map, control);
    const toggle = control.getContainer().querySelector(".leaflet-control-layers-toggle");
    if (toggle) {
      toggle.setAttribute("role", "button");
      toggle.setAttribute("aria-label", t("Layers"));
      toggle.title = t("Layers");
    }
    for (const box of control.getContainer().querySelectorAll(".leaflet-control-layers-group")) {
      const name = box.querySelector(".leaflet-control-layers-group-name").textContent;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", name.slice(0, 80));
      const all = box.querySelector(".leaflet-control-layers-group-selector");
      const each = [...box.querySelectorAll(".leaflet-control-layers-selector")];
      fold(control, box, name, each);
      if (all) {
        all.checked = each.every((input) => input.checked);
        all.indeterminate = !all.checked && each.some((input) => input.checked);
      }
    }
  }

  // Long groups can be folded; they start so when nothing in them is drawn.
  function fold(control, box, name, each) {
    if (each.length < 9) return;
    control.cpecOpen = control.cpecOpen || new Map();
    if (!control.cpecOpen.has(name)) control.cpecOpen.set(name, each.some((input) => input.checked));
    const button = el("button", { type: "button", class: "cpec-fold" });
    const update = () => {
      const open = control.cpecOpen.get(name);
      button.textContent = open ? t("hide") : t("show {count}", { count: each.length });
      button.setAttribute("aria-expanded", String(open));
      box.classList.toggle("cpec-folded", !open);
    };
    button.addEventListener("click", () => {
      control.cpecOpen.set(name, !control.cpecOpen.get(name));
      update();
    });
    update();
    box.querySelector(".leaflet-control-layers-group-label").after(button);
  }

  // Order of building; layers first need the km posts, so the page starts all of them at once.
  cpecgeo.control = function (map, kind) {
    map.cpec.wanted = (map.cpec.wanted || []).concat(kind);
  };

  cpecgeo.buildControls = function (map) {
    for (const kind of map.cpec.wanted || []) make[kind](map);
  };
})();
