// The timeline: what stood in a year, what opened in it, and, at its end, what is planned.

(function () {
  const FIRST = 2005;
  const LAST = 2030;

  // Things without a date stand always, unless they aren't there yet.
  cpecgeo.stands = function (layer, i, year) {
    const opened = parseInt(cpecgeo.cell(layer.columns.opened, i), 10);
    const status = cpecgeo.cell(layer.columns.status, i);
    if (Number.isFinite(opened)) return opened <= year;
    if (status === "planned" || status === "under_construction") return year >= LAST;
    return true;
  };

  cpecgeo.setYear = function (map, year) {
    map.cpec.year = year === LAST ? null : year;
    const at = map.cpec.year === null ? Infinity : year;
    for (const group of Object.values(map.cpec.layers)) {
      const layer = group.cpecLayer;
      if (!layer.columns.opened && !layer.columns.status) continue;
      if (layer.cloud) {
        group.filter((i) => cpecgeo.stands(layer, i, at));
        continue;
      }
      group.cpecItems.forEach((item, i) => {
        if (!item) return;
        const stands = cpecgeo.stands(layer, i, at);
        if (stands !== group.hasLayer(item)) {
          if (stands) group.addLayer(item);
          else group.removeLayer(item);
        }
        const fresh = stands && parseInt(cpecgeo.cell(layer.columns.opened, i), 10) === year;
        const node = item.getElement && item.getElement();
        if (node) node.classList.toggle("cpec-fresh", fresh && year !== LAST);
      });
    }
    const slider = map.cpec.slider;
    if (year === null && slider && Number(slider._timeSlider.value) !== LAST) slider.setTime(LAST);
    map.fire("cpec:year");
  };

  cpecgeo.timeline = function (map) {
    const years = [];
    for (let y = FIRST; y <= LAST; y += 1) years.push(y);
    const still = cpecgeo.still();
    const control = L.timelineSliderControl({
      position: "bottomleft",
      start: FIRST,
      end: LAST,
      steps: LAST - FIRST,
      duration: 13000,
      showTicks: false,
      enablePlayback: true,
      formatOutput: (year) => (year >= LAST ? "All, with plans" : "As in " + year),
    });
    control.start = FIRST;
    // Until the page is complete the slider only reports where it stands.
    const line = { times: years, start: FIRST, end: LAST, ready: false,
      setTime: function (year) { if (this.ready) cpecgeo.setYear(map, Number(year)); } };
    control.addTo(map);
    control.addTimelines(line);
    map.cpec.slider = control;
    const box = control.getContainer();
    box.classList.add("cpec-timeline");
    L.DomEvent.disableClickPropagation(box);
    L.DomEvent.disableScrollPropagation(box);
    const input = box.querySelector("input");
    input.setAttribute("aria-label", "Year of the map");
    input.step = "1";
    const words = { prev: "One step back", play: "Play", pause: "Pause", next: "One step on" };
    for (const [name, text] of Object.entries(words)) {
      const button = box.querySelector("button." + name);
      button.setAttribute("aria-label", text);
      button.title = text;
      if (still && (name === "play" || name === "pause")) button.remove();
    }
    control.setTime(LAST);
    line.ready = true;
    return control;
  };
})();
