"""Fit the distance series: `python -m tools.arc_series` writes its part of `geodesy/_arcs.py`.

The geodesic distance of two points of the ellipsoid depends on three numbers only: neither
turning both about the axis, nor a mirror, nor swapping them changes it. Stretched to a unit
sphere, let 4 z be the square of their chord; P and Q the squares of the sines of latitude of
the directions of the chord's middle and of the chord itself (0 ≤ P, 0 ≤ Q, P + Q ≤ 1). Short
of antipodes the distance over the chord is smooth in these, and so a polynomial to any
accuracy. Two are fitted, by least squares at Chebyshev nodes, to Karney's distances:

- near:  s = c (1 + z · F(z, P (1 - z), Q)), without a square root or a division but for c, Q
- wide:  s = c (1 + y) · F(y, P, Q), with y = tan²(σ / 4) where z = sin²(σ / 2)

Starting from more powers than needed, the one that matters least is dropped, again and again,
until the bound is reached. It takes some minutes. `tests/geodesy/test_arcs.py` checks the
bounds by other means.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.polynomial import chebyshev, polynomial
from numpy.typing import NDArray
from pyproj import Geod

OUT = Path(__file__).parents[1] / "cpecgeo" / "geodesy" / "_arcs.py"
GEOD = Geod(ellps="WGS84")
E2 = GEOD.f * (2 - GEOD.f)
ROUND_M = 1e-9  # what rounding one coefficient may do

Floats = NDArray[np.float64]
Powers = dict[tuple[int, int], int]


@dataclass(frozen=True)
class Series:
    """One of the two: name, least and greatest distance, bound, highest powers to start from."""

    name: str
    reach_m: float
    bound_m: float
    degrees: tuple[int, ...]  # of z or y, by total degree in P and Q

    @property
    def wide(self) -> bool:
        """Whether it is the wide one."""
        return self.name == "wide"

    @property
    def top(self) -> float:
        """The greatest z or y, on the smallest sphere in the ellipsoid."""
        sigma = self.reach_m / GEOD.b
        return float(np.tan(sigma / 4) ** 2 if self.wide else np.sin(sigma / 2) ** 2)

    def to_z(self, v: Floats) -> Floats:
        """What z is for this z or y."""
        return 4 * v / (1 + v) ** 2 if self.wide else v


NEAR = Series("near", 2_510_000.0, 3e-8, (8, 5, 4, 3, 1))
WIDE = Series("wide", 12_010_000.0, 1.5e-6, (12, 10, 9, 7, 4))


def metres(z: Floats, p: Floats, q: Floats) -> Floats:
    """Karney's distance of two points with these z, P and Q."""
    # The axis in the frame of the middle, the chord, and their normal.
    axis = np.stack([np.sqrt(p), np.sqrt(q), np.sqrt(np.maximum(0, 1 - p - q))], axis=-1)
    aside = np.where(np.abs(axis[:, :1]) < 0.7, [[1.0, 0, 0]], [[0, 1.0, 0]])
    x = np.cross(aside, axis)
    x /= np.linalg.norm(x, axis=1)[:, None]
    y = np.cross(axis, x)
    ends = []
    for sign in (1, -1):
        u = np.stack([np.sqrt(1 - z), sign * np.sqrt(z), 0 * z], axis=-1)
        a, b, c = (np.einsum("ij,ij->i", u, v) for v in (x, y, axis))
        ends += [np.degrees(np.arctan2(b, a))]
        ends += [np.degrees(np.arctan2(c / (1 - GEOD.f), np.hypot(a, b)))]
    return np.asarray(GEOD.inv(*ends)[2])


def columns(series: Series, v: Floats, p: Floats, q: Floats, powers: Powers) -> Floats:
    """One column for each coefficient, in metres."""
    z = series.to_z(v)
    chord = 2 * GEOD.a * np.sqrt(z * (1 - E2 * q))
    chord = chord * (1 + v) if series.wide else chord * v / series.top
    first = p if series.wide else p * (1 - z)
    cheb = chebyshev.chebvander(2 * v / series.top - 1, max(powers.values()))
    return np.stack(
        [
            cheb[:, i] * first**j * q**k * chord * (v / series.top if series.wide and j + k else 1)
            for (j, k), degree in powers.items()
            for i in range(degree + 1)
        ],
        axis=-1,
    )


def nodes(series: Series, *counts: int) -> tuple[Floats, Floats, Floats]:
    """Chebyshev nodes over all z or y, P and Q."""
    one = [(1 - np.cos(np.pi * (np.arange(n) + 0.5) / n)) / 2 for n in counts]
    v, h, share = (g.ravel() for g in np.meshgrid(*one, indexing="ij"))
    return series.top * v, h * share, h * (1 - share)


def edges(series: Series, count: int) -> tuple[Floats, Floats, Floats]:
    """Random places, many of them where z or y, P or Q are as small or as large as can be."""
    rng = np.random.default_rng(1)
    v, h, share = rng.random((3, count))
    h[::7], share[1::7], share[2::7], v[3::7] = 1, 0, 1, 1
    h[4::7], share[4::7] = 1, np.round(share[4::7])
    return series.top * v, h * share, h * (1 - share)


def fit(series: Series) -> tuple[Powers, Floats, float]:
    """Powers, their coefficients in Chebyshev's form, and the greatest error."""
    train, test = nodes(series, 24, 10, 10), edges(series, 40_000)
    sets = [(v, p, q, metres(series.to_z(v), p, q)) for v, p, q in (train, test)]
    bases = [
        s[3] - (0 if series.wide else 2 * GEOD.a * np.sqrt(s[0] * (1 - E2 * s[2]))) for s in sets
    ]

    def solve(powers: Powers) -> tuple[Floats, float]:
        matrix = columns(series, *sets[0][:3], powers)
        size = np.abs(matrix).max(axis=0)
        found = np.linalg.lstsq(matrix / size, bases[0], rcond=1e-15)[0] / size
        rest = columns(series, *sets[1][:3], powers) @ found - bases[1]
        return found, float(np.abs(rest).max())

    powers = {(n - k, k): d for n, d in enumerate(series.degrees) for k in range(n + 1)}
    while True:
        tries = []
        for key, degree in powers.items():
            fewer = {**powers, key: degree - 1}
            fewer = {k: d for k, d in fewer.items() if d >= 0}
            tries.append((solve(fewer)[1], fewer))
        error, fewer = min(tries, key=lambda t: t[0])
        if error > series.bound_m:
            return powers, *solve(powers)
        powers = fewer
        print(series.name, sum(powers.values()) + len(powers), f"{error:.2e}", flush=True)


def plain(series: Series, powers: Powers, found: Floats) -> dict[tuple[int, int], list[float]]:
    """Coefficients of powers of z or y, rounded to the digits that matter."""
    table, at = {}, 0
    for (j, k), degree in powers.items():
        terms = found[at : at + degree + 1]
        at += degree + 1
        value, power = np.zeros(degree + 1), np.array([1.0])
        for term in chebyshev.cheb2poly(terms):
            value[: len(power)] += term * power
            power = polynomial.polymul(power, [-1.0, 2 / series.top])
        if not series.wide or j + k:
            value = np.concatenate(([0.0], value / series.top))
        worth = series.reach_m * series.top ** np.arange(len(value))
        digits = np.ceil(np.log10(worth / ROUND_M)).astype(int)
        value = [round(float(x), max(int(d), 0)) for x, d in zip(value, digits, strict=True)]
        table[j, k] = value if series.wide and not j + k else value[1:]
    return table


def horner(variable: str, values: list[str]) -> str:
    """A polynomial as nested products."""
    text = values[-1]
    for value in values[-2::-1]:
        bare = " " not in text and text[0] != "-"
        text = f"{value} + {variable} * {text}" if bare else f"{value} + {variable} * ({text})"
    return text


def code(series: Series, table: dict[tuple[int, int], list[float]], error: float) -> str:
    """The function as text."""
    v = "y" if series.wide else "z"
    terms = sum(map(len, table.values()))
    reach = f"{error:.1e} m up to {series.reach_m / 1e3:,.0f} km."
    doc = f"Return the arc of a chord by a series: {terms} terms, {reach}"
    lines = [
        "@kernel(inline=True)",
        f"def {series.name}({v}, p, q):",
        f'    """{doc}"""',
    ]
    for (j, k), values in sorted(table.items()):
        text = horner(v, [repr(x) for x in values])
        text = f"    c{j}{k} = ({text})" if len(values) > 1 else f"    c{j}{k} = {text}"
        lines += textwrap.wrap(text, 99, subsequent_indent=" " * 8, break_on_hyphens=False)
    # The wide one's first polynomial stands apart from those that vanish with y.
    apart = series.wide
    for j in range(max(j for j, _ in table) + 1):
        names = [f"c{i}{k}" for i, k in sorted(table) if i == j and not (apart and i == k == 0)]
        text = horner("q", names)
        lines.append(f"    c{j} = q * ({text})" if apart and j == 0 else f"    c{j} = {text}")
    whole = horner("p", [f"c{j}" for j in range(max(j for j, _ in table) + 1)])
    lines.append(f"    return c00 + y * ({whole})" if apart else f"    return {whole}")
    return "\n".join(lines) + "\n"


# The lines in `OUT` between which the functions stand.
BEGIN = "# Distance over chord, written by `python -m tools.arc_series`; not by hand.\n"
END = "# fmt: on\n"


def main() -> None:
    """Write both."""
    functions = ""
    for series in (NEAR, WIDE):
        powers, found, error = fit(series)
        functions += "\n\n" + code(series, plain(series, powers, found), error)
    before, _, rest = OUT.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    OUT.write_text(before + BEGIN + functions + "\n\n" + END + after)


if __name__ == "__main__":
    main()
