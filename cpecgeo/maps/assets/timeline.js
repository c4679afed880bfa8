// The timeline: features that existed at a time or came within a range, by any column of dates.
// Years of opening are such a column; planned features are at its end.

(function () {
  const { el, cell, t } = cpecgeo;
  // Of maps with no other dates than years of opening.
  const [FIRST, LAST] = [2005, 2029];
  const DAY = 86400000;
  const STEPS = ["year", "month", "week", "day", "hour"];
  const UNITS = { year: null, day: DAY, second: 1000 };

  const yearStart = (year) => new Date(0).setUTCFullYear(year, 0, 1);

  // The time of row i, in ms since 1970; null where unknown.
  cpecgeo.timeOf = function (layer, i) {
    if (layer.times) {
      const value = cell(layer.times.v, i);
      if (value === null || value === undefined) return null;
      return layer.times.unit === "year" ? yearStart(value) : value * UNITS[layer.times.unit];
    }
    const found = String(cell(layer.columns.opened, i) ?? "").match(/^(\d{4})(?:-(\d\d))?/);
    return found ? new Date(yearStart(Number(found[1]))).setUTCMonth(found[2] ? found[2] - 1 : 0) : null;
  };

  // Features without a date are shown unless they are planned; rows of a table with dates
  // aren't shown without one.
  cpecgeo.stands = function (layer, i, range) {
    if (range === null || layer.style.timeless) return true;
    const time = cpecgeo.timeOf(layer, i);
    if (time !== null) return time < range.to && (range.from === null || time >= range.from);
    if (layer.times || range.from !== null) return false;
    return !["planned", "under_construction"].includes(cell(layer.columns.status, i));
  };

  const isDated = (layer) => Boolean(!layer.style.timeless && (layer.times || layer.columns.opened || layer.columns.status));

  // null for all times; else features before `to`, and not before `from` if given.
  cpecgeo.setTime = function (map, range) {
    map.cpec.time = range;
    for (const group of Object.values(map.cpec.layers)) {
      const layer = group.cpecLayer;
      if (!isDated(layer)) continue;
      if (layer.cloud) {
        group.filter((i) => cpecgeo.stands(layer, i, range));
        continue;
      }
      group.cpecItems.forEach((item, i) => {
        if (!item) return;
        const stands = cpecgeo.stands(layer, i, range);
        if (stands !== group.hasLayer(item)) {
          if (stands) group.addLayer(item);
          else group.removeLayer(item);
        }
        const fresh = stands && range !== null && (cpecgeo.timeOf(layer, i) ?? -Infinity) >= range.step;
        const node = item.getElement && item.getElement();
        if (node) node.classList.toggle("cpec-fresh", fresh);
      });
    }
    if (range === null && map.cpec.slider) map.cpec.slider.toEnd();
    map.fire("cpec:year");
  };

  // The beginning of the step that holds a time, and of the next one.
  function floor(time, step) {
    const d = new Date(time);
    const [y, m, day] = [d.getUTCFullYear(), d.getUTCMonth(), d.getUTCDate()];
    if (step === "year") return yearStart(y);
    if (step === "month") return Date.UTC(y, m, 1);
    if (step === "week") return Date.UTC(y, m, day - ((d.getUTCDay() + 6) % 7));
    return step === "day" ? Date.UTC(y, m, day) : Math.floor(time / 3600000) * 3600000;
  }

  const LENGTHS = { year: 366, month: 31, week: 7, day: 1, hour: 1 / 24 };
  const next = (time, step) => floor(time + LENGTHS[step] * DAY * (step === "year" || step === "month" ? 1.01 : 1), step);

  function starts(first, last, step) {
    const all = [];
    for (let t = floor(first, step); t <= last && all.length <= 1000; t = next(t, step)) all.push(t);
    return all;
  }

  function write(time, step) {
    if (step === "year") return String(new Date(time).getUTCFullYear());
    const parts = { timeZone: "UTC", year: "numeric", month: "short" };
    if (step !== "month") parts.day = "numeric";
    if (step === "hour") Object.assign(parts, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
    return new Intl.DateTimeFormat(cpecgeo.dates(), parts).format(time);
  }

  // First and last time, and the finest unit, of rows with dates of their own, or of openings.
  function span(map) {
    const own = Object.values(map.cpec.layers).map((g) => g.cpecLayer).filter((l) => l.times);
    let [first, last] = [Infinity, -Infinity];
    for (const layer of own) {
      for (let i = 0; i < layer.n; i += 1) {
        const time = cpecgeo.timeOf(layer, i);
        if (time === null) continue;
        first = Math.min(first, time);
        last = Math.max(last, time);
      }
    }
    if (!(first <= last)) return [yearStart(FIRST), yearStart(LAST), ["year"]];
    const finest = own.some((l) => l.times.unit === "second") ? 4 : own.some((l) => l.times.unit === "day") ? 3 : 0;
    const steps = STEPS.slice(0, finest + 1).filter((s) => (last - first) / DAY / LENGTHS[s] <= 1000);
    return [first, last, steps.length ? steps : ["year"]];
  }

  const Slider = L.Control.extend({
    options: { position: "bottomleft" },
    onAdd: function (map) {
      const [first, last, steps] = span(map);
      Object.assign(this, { _first: first, _last: last });
      const button = (name, text, path) => {
        const made = el("button", { type: "button", class: name, title: text, "aria-label": text }, cpecgeo.icon(path));
        return made;
      };
      const names = { year: t("year"), month: t("month"), week: t("week"), day: t("day"), hour: t("hour") };
      this._back = button("prev", t("One step back"), "M13 4 7 10l6 6");
      this._play = button("play", t("Play"), "M6 4l9 6-9 6Z");
      this._on = button("next", t("One step on"), "M7 4l6 6-6 6");
      this._text = el("output", { class: "time-text" });
      this._to = el("input", { type: "range", min: 0, step: 1, "aria-label": steps.length > 1 ? t("Until") : t("Year of the map") });
      this._from = el("input", { type: "range", min: 0, step: 1, value: 0, "aria-label": t("Since") });
      this._only = el("input", { type: "checkbox" });
      this._step = el("select", { "aria-label": t("Step of the time") },
        ...steps.map((s) => el("option", { value: s }, names[s])));
      // About thirty steps are easy to follow.
      const many = (s) => Math.abs(Math.log((last - first) / DAY / LENGTHS[s] / 30));
      this._step.value = steps.reduce((a, b) => (many(b) < many(a) ? b : a));
      const tools = el("div", { class: "cpec-time-row" }, this._back, cpecgeo.still() ? null : this._play, this._on, this._text);
      const since = el("label", {}, this._only, " ", t("hide what came earlier"));
      const more = el("div", { class: "cpec-time-row" }, since, this._from, steps.length > 1 ? this._step : null);
      const box = el("div", { class: "cpec-timeline leaflet-bar", role: "group", "aria-label": t("Time") }, tools, this._to, more);
      L.DomEvent.disableClickPropagation(box);
      L.DomEvent.disableScrollPropagation(box);
      const apply = () => this._apply();
      this._to.addEventListener("input", () => { this._stop(); apply(); });
      this._from.addEventListener("input", apply);
      this._only.addEventListener("change", apply);
      this._step.addEventListener("change", () => { this._fill(); this.toEnd(); apply(); });
      this._back.addEventListener("click", () => this._move(-1));
      this._on.addEventListener("click", () => this._move(1));
      this._play.addEventListener("click", () => (this._timer ? this._stop() : this._start()));
      this._fill();
      this.toEnd();
      return box;
    },
    onRemove: function () { this._stop(); },
    _fill: function () {
      this._starts = starts(this._first, this._last, this._step.value);
      this._to.max = this._starts.length;
      this._from.max = this._starts.length - 1;
      this._from.value = 0;
    },
    // The last position: all times, and planned features.
    toEnd: function () {
      this._to.value = this._starts.length;
      this._only.checked = false;
      this._say(null);
    },
    // The range of the sliders; null for everything.
    range: function () {
      const k = Number(this._to.value);
      const since = this._only.checked ? Math.min(Number(this._from.value), k, this._starts.length - 1) : null;
      if (k >= this._starts.length && since === null) return null;
      const end = Math.min(k, this._starts.length - 1);
      return { from: since === null ? null : this._starts[since],
        to: k >= this._starts.length ? Infinity : next(this._starts[end], this._step.value), step: this._starts[end] };
    },
    // Move the sliders to a range.
    show: function (range) {
      if (range === null) { this.toEnd(); return; }
      const at = this._starts.filter((t) => t < range.to).length - 1;
      this._to.value = range.to === Infinity ? this._starts.length : Math.max(0, at);
      this._only.checked = range.from !== null;
      if (range.from !== null) this._from.value = Math.max(0, this._starts.filter((t) => t <= range.from).length - 1);
      this._apply();
    },
    _apply: function () {
      const range = this.range();
      this._say(range);
      cpecgeo.setTime(this._map, range);
    },
    _say: function (range) {
      const step = this._step.value;
      this._from.disabled = !this._only.checked;
      const written = (time) => write(time, step);
      let text = t("All, with plans");
      if (!this._map || Object.values(this._map.cpec.layers).some((g) => g.cpecLayer.times)) text = t("All times");
      if (range !== null && range.from === null) text = step === "year" ? t("As in {year}", { year: written(range.step) }) : t("Until {time}", { time: written(range.step) });
      if (range !== null && range.from !== null) text = written(range.from) + " – " + written(range.step);
      this._text.textContent = text;
      this._to.setAttribute("aria-valuetext", text);
      this._from.setAttribute("aria-valuetext", written(this._starts[Math.min(this._from.value, this._starts.length - 1)]));
    },
    // One step; a range keeps its length.
    _move: function (by) {
      const k = Number(this._to.value) + by;
      if (k < 0 || k > Number(this._to.max)) return false;
      this._to.value = k;
      if (this._only.checked) this._from.value = Number(this._from.value) + by;
      this._apply();
      return true;
    },
    _start: function () {
      if (Number(this._to.value) >= Number(this._to.max)) {
        const length = this._only.checked ? this._to.value - this._from.value : 0;
        this._to.value = Math.max(0, length - 1);
        if (this._only.checked) this._from.value = 0;
        this._apply();
      }
      this._name(t("Pause"), "M6 4v12M13 4v12");
      this._timer = setInterval(() => { if (!this._move(1)) this._stop(); },
        Math.max(80, Math.min(900, 13000 / this._starts.length)));
    },
    _stop: function () {
      if (!this._timer) return;
      clearInterval(this._timer);
      this._timer = null;
      this._name(t("Play"), "M6 4l9 6-9 6Z");
    },
    _name: function (text, path) {
      this._play.replaceChildren(cpecgeo.icon(path));
      this._play.title = text;
      this._play.setAttribute("aria-label", text);
    },
  });

  cpecgeo.timeline = function (map) {
    map.cpec.slider = new Slider().addTo(map);
    map.cpec.slider.toEnd();
    return map.cpec.slider;
  };
})();
