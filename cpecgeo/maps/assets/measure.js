// Distances and areas between clicks. Lengths are the ellipsoid's geodesics; areas are those of
// a sphere of the same surface, good to half a percent, and say "about".

(function () {
  const { el, t } = cpecgeo;
  const RADIUS_KM = 6371.0072;
  const STYLE = { color: "#23211e", weight: 2.5, dashArray: "2 5", interactive: false };

  // Signed area of a ring on the sphere, by the line integral of sin(latitude).
  function areaKm2(points) {
    let sum = 0;
    points.forEach((a, i) => {
      const b = points[(i + 1) % points.length];
      const turn = ((((b.lng - a.lng) % 360) + 540) % 360 - 180) * (Math.PI / 180);
      sum += turn * (2 + Math.sin((a.lat * Math.PI) / 180) + Math.sin((b.lat * Math.PI) / 180));
    });
    return Math.abs((sum * RADIUS_KM * RADIUS_KM) / 2);
  }

  const Measure = L.Control.extend({
    options: { position: "topleft" },

    onAdd: function (map) {
      this._points = [];
      this._layer = L.layerGroup().addTo(map);
      this._link = el("a", { href: "#", role: "button", title: t("Measure"), "aria-label": t("Measure distances and areas"), "aria-pressed": "false" },
        cpecgeo.icon("M2 13 13 2l5 5L7 18Z M5 10l2 2 M8 7l2 2 M11 4l2 2"));
      this._text = el("div", { class: "cpec-measure-text", role: "status" });
      this._text.hidden = true;
      this._box = el("div", { class: "leaflet-bar cpec-measure" }, this._link, this._text);
      L.DomEvent.disableClickPropagation(this._box);
      this._link.addEventListener("click", (event) => {
        event.preventDefault();
        if (cpecgeo.measuring) this.stop();
        else this.begin();
      });
      return this._box;
    },

    begin: function () {
      cpecgeo.measuring = true;
      this._points = [];
      this._layer.clearLayers();
      this._link.setAttribute("aria-pressed", "true");
      this._map.getContainer().classList.add("cpec-measuring");
      this._map.doubleClickZoom.disable();
      this._map.on("click", this._add, this).on("dblclick", this.stop, this);
      this._map.getContainer().addEventListener("keydown", this._keys = (event) => {
        if (event.key === "Enter") this._add({ latlng: this._map.getCenter() });
        if (event.key === "Escape") this.stop();
        if (event.key === "Backspace" && this._points.length) {
          this._points.pop();
          this._draw();
        }
      });
      this._say(t("Click points on the map, or press Enter to take its middle. Escape ends."));
      this._map.getContainer().focus({ preventScroll: true });
    },

    stop: function () {
      cpecgeo.measuring = false;
      this._link.setAttribute("aria-pressed", "false");
      this._map.getContainer().classList.remove("cpec-measuring");
      this._map.off("click", this._add, this).off("dblclick", this.stop, this);
      this._map.getContainer().removeEventListener("keydown", this._keys);
      setTimeout(() => this._map.doubleClickZoom.enable(), 0);
      if (this._points.length < 2) {
        this._layer.clearLayers();
        this._text.hidden = true;
      }
    },

    _say: function (...texts) {
      this._text.hidden = false;
      this._text.replaceChildren(...texts.map((text) => el("p", {}, text)));
    },

    _add: function (event) {
      const last = this._points[this._points.length - 1];
      if (last && last.equals(event.latlng)) return;
      this._points.push(event.latlng);
      this._draw();
    },

    _draw: function () {
      const points = this._points;
      this._layer.clearLayers();
      L.polyline(points, STYLE).addTo(this._layer);
      for (const p of points) {
        L.circleMarker(p, { radius: 4, color: "#fff", weight: 1.5, fillColor: STYLE.color, fillOpacity: 1, interactive: false }).addTo(this._layer);
      }
      const km = cpecgeo.pathKm(points);
      const lines = [cpecgeo.number(km, km < 10 ? 3 : 2) + " " + t("km")];
      if (points.length > 2) {
        const around = cpecgeo.pathKm(points.concat([points[0]]));
        lines.push(t("closed: {around} km around, about {area} km²",
          { around: cpecgeo.number(around, 1), area: cpecgeo.number(areaKm2(points), 1) }));
      }
      this._text.dataset.km = String(km);
      this._say(...lines);
    },
  });

  cpecgeo.measure = (map) => new Measure().addTo(map);
})();
