"""Test how often the truth lies in the stated interval, by verb: ``python -m tools.intervals``.

Corridors are moved at random within the accuracy of their legs, and points within theirs. Each
verb's answer for the moved ones, the truth of that run, is compared with the interval that it
states for the drawn ones. Displacements are normal across and along the line: 95 % of its points
are no farther off than the leg's accuracy. They change along the line over three times that.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from scipy.ndimage import gaussian_filter1d
from shapely.geometry import LineString, box

import cpecgeo as cg
from cpecgeo.geodesy import area_km2, length_km

CORRIDORS = ("m2", "kkh", "mining", "ml1", "ml4")
"""Traced, through villages, planned, railway by stations, schematic."""

STEP_KM = 2.0
RADII = [10.0, 25.0, 50.0]
WITHIN_KM = 25.0
PER_SIGMA = float(np.sqrt(-2 * np.log(0.05)))
"""Radius that holds 95 % of a normal scatter on a plane, in its standard deviations."""

DEGREE_KM = 111.2
WAVE = 3.0
LEAST_WAVE_KM = 10.0
FINE = 8
"""Samples of a displacement per length over which it changes."""


def move(xy: np.ndarray, accuracy: np.ndarray, km: np.ndarray, rng: Any) -> np.ndarray:
    """Move the points of a line, lon and lat, within their accuracy; neighbours move alike."""
    wave = np.maximum(LEAST_WAVE_KM, WAVE * accuracy)
    at = np.append(0.0, np.cumsum(np.diff(km) / ((wave[1:] + wave[:-1]) / 2))) * FINE
    noise = rng.normal(size=(int(at[-1]) + 6 * FINE, 2))
    smooth = gaussian_filter1d(noise, FINE / 2, axis=0, mode="wrap")
    one = gaussian_filter1d(np.eye(1, 12 * FINE, 6 * FINE)[0], FINE / 2)
    smooth /= np.sqrt(np.square(one).sum())
    shift = np.column_stack([np.interp(at, np.arange(len(noise)), c) for c in smooth.T])
    return _shift(xy, shift * (accuracy / PER_SIGMA)[:, None])


def _shift(xy: np.ndarray, km: np.ndarray) -> np.ndarray:
    lat = np.radians(xy[:, 1])
    return xy + km / np.column_stack((DEGREE_KM * np.cos(lat), np.full(len(xy), DEGREE_KM)))


def simulate(name: str, runs: int, seed: int = 0, areas: int = 0) -> Iterator[dict[str, Any]]:
    """Compare each verb's intervals with the truth when the line and the points are moved.

    Parameters
    ----------
    name : str
        Of a corridor.
    runs : int
        The number of times that it is moved.
    seed : int
    areas : int
        The number of runs in which rings are measured too; these take longest.

    Yields
    ------
    dict
        `verb`, `held` and `of`: the number of statements that held in a run, and of all.
    """
    thing = cg.corridor(name)
    chain = thing.chainage
    km = np.linspace(0.0, chain.end_km, max(int(chain.end_km / STEP_KM), 8))
    xy = shapely.get_coordinates(np.asarray(chain.at(km)))
    legs = thing.legs
    row = np.searchsorted(legs["km_from"].to_numpy(), km, side="right") - 1
    accuracy = legs["accuracy_km"].to_numpy(float)[row]
    drawn = np.append(0.0, length_km(_edges(xy)).cumsum())
    points = _points(thing)
    own = points["accuracy_km"].to_numpy(float)
    at = shapely.get_coordinates(points.geometry.to_numpy())
    said = _statements(thing, points)
    cells = _cells(xy)
    crossed = cg.crossed(thing, cells)
    rings = cg.rings(thing, RADII)
    rng = np.random.default_rng(seed)
    for run in range(runs):
        real = move(xy, accuracy, km, rng)
        line = gpd.GeoSeries([LineString(real)], crs=4326)
        spots = _shift(at, rng.normal(size=at.shape) * (own / PER_SIGMA)[:, None])
        true = cg.nearest(gpd.GeoSeries(shapely.points(spots), crs=4326), line)["distance_km"]
        yield from _compare(said, true.to_numpy(), points["population"].to_numpy(float))
        yield from _zones(crossed, cells, real, drawn)
        if run < areas:
            inside = [area_km2(cg.buffer(line.iloc[0], radius)) for radius in RADII]
            held = np.diff([0.0, *inside])
            within = (held >= rings["area_low_km2"]) & (held <= rings["area_high_km2"])
            yield _count("rings", within)


def _edges(xy: np.ndarray) -> gpd.GeoSeries:
    pairs = np.stack((xy[:-1], xy[1:]), axis=1)
    return gpd.GeoSeries(shapely.linestrings(pairs), crs=4326)


def _points(thing: Any) -> gpd.GeoDataFrame:
    """Return the towns beside a corridor whose accuracy is known."""
    near = cg.within("places", thing, 2 * RADII[-1]).dropna(subset=["accuracy_km"])
    near = near.assign(population=pd.to_numeric(near["population"], errors="coerce").fillna(1e4))
    return near[["name", "accuracy_km", "population", "geometry"]].reset_index(drop=True)


def _cells(xy: np.ndarray) -> gpd.GeoDataFrame:
    """Return exact zones of one degree, so that only the line's accuracy counts."""
    west, south = np.floor(xy.min(axis=0)) - 3
    east, north = np.ceil(xy.max(axis=0)) + 3
    lon, lat = np.meshgrid(np.arange(west, east), np.arange(south, north))
    shapes = [box(x, y, x + 1, y + 1) for x, y in zip(lon.ravel(), lat.ravel(), strict=True)]
    names = [str(i) for i in range(len(shapes))]
    return gpd.GeoDataFrame({"name": names}, geometry=shapes, crs=4326)


def _statements(thing: Any, points: gpd.GeoDataFrame) -> dict[str, Any]:
    near = cg.nearest(points, thing)
    located = cg.locate(points, thing)
    reach = np.hypot(near["accuracy_km"], near["point_accuracy_km"].fillna(0))
    table = cg.distance_table(points, {"line": thing})
    every = cg.within(points, thing, WITHIN_KM, certainty=["sure", "likely", "open"])
    return {
        "nearest": (near["distance_km"] - reach, near["distance_km"] + reach),
        "locate": (located["offset_km"] - reach, located["offset_km"] + reach),
        "distance_table": (table["line_low_km"], table["line_high_km"]),
        "sure": points.index.isin(every.index[every["certainty"] == "sure"]),
        "beyond": ~points.index.isin(every.index),
        "exposure": cg.exposure(thing, RADII, layer=points, value="population"),
    }


def _count(verb: str, held: Any) -> dict[str, Any]:
    found = np.asarray(held, bool)
    return {"verb": verb, "held": int(found.sum()), "of": len(found)}


def _compare(
    said: dict[str, Any], true: np.ndarray, people: np.ndarray
) -> Iterator[dict[str, Any]]:
    for verb in ("nearest", "locate", "distance_table"):
        low, high = (np.asarray(side, float) for side in said[verb])
        yield _count(verb, (true >= low) & (true <= high))
    yield _count("within: sure", true[said["sure"]] <= WITHIN_KM)
    yield _count("within: not listed", true[said["beyond"]] > WITHIN_KM)
    table = said["exposure"]
    for verb, value in (("features", np.ones(len(true))), ("population", people)):
        inside = [value[true <= radius].sum() for radius in RADII]
        ring = np.diff([0.0, *inside])
        low, high = table[f"{verb}_low"].to_numpy(float), table[f"{verb}_high"].to_numpy(float)
        yield _count(f"exposure: {verb}", (ring >= low - 1e-6) & (ring <= high + 1e-6))


def _zones(
    said: pd.DataFrame, cells: gpd.GeoDataFrame, real: np.ndarray, drawn: np.ndarray
) -> Iterator[dict[str, Any]]:
    """Compare the km of the moved line in each zone, by the km of the drawn one."""
    middle = shapely.points((real[1:] + real[:-1]) / 2)
    where, of = cells.sindex.query(middle, predicate="within")
    km = np.bincount(of, np.diff(drawn)[where], minlength=len(cells))
    zone = said.dropna(subset=["zone"]).groupby("zone")[["length_low_km", "length_high_km"]].sum()
    true = km[zone.index.astype(int)]
    # A step of the moved line counts wholly in the zone of its middle.
    held = (true >= zone["length_low_km"] - STEP_KM) & (true <= zone["length_high_km"] + STEP_KM)
    yield _count("crossed", held)


def table(runs: int, areas: int, seeds: int = 1) -> pd.DataFrame:
    """Return the share of true statements by verb and corridor, over a number of seeds.

    Returns
    -------
    DataFrame
        A row per verb, a column per corridor, and the number of `statements`.
    """
    rows = [
        {"corridor": name} | row
        for name in CORRIDORS
        for seed in range(seeds)
        for row in simulate(name, runs, seed, areas)
    ]
    sums = pd.DataFrame(rows).pivot_table(
        index="verb", columns="corridor", values=["held", "of"], aggfunc="sum"
    )
    share = (sums["held"] / sums["of"])[list(CORRIDORS)]
    return share.assign(statements=sums["of"].sum(axis=1).astype(int))


def main() -> None:
    """Simulate, and print the shares."""
    parser = argparse.ArgumentParser(prog="python -m tools.intervals", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--areas", type=int, default=20)
    parser.add_argument(
        "--seeds", type=int, default=1, help="number of repetitions, each with other random numbers"
    )
    options = parser.parse_args()
    with pd.option_context("display.width", 160, "display.max_columns", 20):
        print(table(options.runs, options.areas, options.seeds).round(3))


if __name__ == "__main__":
    main()
