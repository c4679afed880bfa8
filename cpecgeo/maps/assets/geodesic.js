// Distances on the WGS 84 ellipsoid: Vincenty's inverse method (Survey Review 23, 1975), good to
// less than a millimetre. It fails only for nearly opposite points, where a sphere must do.

cpecgeo.distanceKm = function (from, to) {
  const a = 6378137;
  const f = 1 / 298.257223563;
  const b = a * (1 - f);
  const rad = Math.PI / 180;
  const u1 = Math.atan((1 - f) * Math.tan(from.lat * rad));
  const u2 = Math.atan((1 - f) * Math.tan(to.lat * rad));
  const [s1, c1, s2, c2] = [Math.sin(u1), Math.cos(u1), Math.sin(u2), Math.cos(u2)];
  const l = ((((to.lng - from.lng) % 360) + 540) % 360 - 180) * rad;
  let lambda = l;
  for (let turn = 0; turn < 200; turn += 1) {
    const [sl, cl] = [Math.sin(lambda), Math.cos(lambda)];
    const sinSigma = Math.hypot(c2 * sl, c1 * s2 - s1 * c2 * cl);
    if (sinSigma === 0) return 0;
    const cosSigma = s1 * s2 + c1 * c2 * cl;
    const sigma = Math.atan2(sinSigma, cosSigma);
    const sinAlpha = (c1 * c2 * sl) / sinSigma;
    const cos2 = 1 - sinAlpha * sinAlpha;
    const mid = cos2 === 0 ? 0 : cosSigma - (2 * s1 * s2) / cos2;
    const c = (f / 16) * cos2 * (4 + f * (4 - 3 * cos2));
    const before = lambda;
    lambda = l + (1 - c) * f * sinAlpha
      * (sigma + c * sinSigma * (mid + c * cosSigma * (2 * mid * mid - 1)));
    if (Math.abs(lambda - before) < 1e-12) {
      const k = (cos2 * (a * a - b * b)) / (b * b);
      const big = 1 + (k / 16384) * (4096 + k * (-768 + k * (320 - 175 * k)));
      const small = (k / 1024) * (256 + k * (-128 + k * (74 - 47 * k)));
      const delta = small * sinSigma * (mid + (small / 4) * (cosSigma * (2 * mid * mid - 1)
        - (small / 6) * mid * (4 * sinSigma * sinSigma - 3) * (4 * mid * mid - 3)));
      return (b * big * (sigma - delta)) / 1000;
    }
  }
  return from.distanceTo(to) / 1000;
};

cpecgeo.pathKm = function (points) {
  let sum = 0;
  for (let i = 1; i < points.length; i += 1) sum += cpecgeo.distanceKm(points[i - 1], points[i]);
  return sum;
};
