"""How good the lines are: a table per section, and a picture of old lines beside new ones.

``python -m tools.trace.quality`` draws ``docs/images/lines.png``; the page «How good are the
lines?» calls `table` as it is built.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

import cpecgeo as cg
from cpecgeo.geodesy import Chainage
from tools.trace.junctions import END_KM

ROOT = Path(__file__).parents[2]
DATA = ROOT / "data"
PICTURE = ROOT / "docs" / "images" / "lines.png"

BESIDE_KM = 3.0
"""A junction further off belongs to another road."""

SHOWN = 0.05
"""Least share of a basis that the table names."""

WINDOWS = (
    ("Karakoram Highway in China", ["g314"], (74.6, 36.7, 76.3, 39.6)),
    ("N-85, Surab–Hoshab", ["n85"], (63.7, 25.9, 66.5, 28.6)),
    ("M-3, M-4 and M-5", ["m3", "m4", "m5"], (68.7, 27.5, 74.4, 32.0)),
    ("M-8, Khuzdar–Ratodero", ["m8-ratodero-khuzdar"], (66.4, 27.5, 68.4, 28.3)),
)


def features(path: str) -> dict[str, dict[str, Any]]:
    """Features of a GeoJSON file of the data, by id."""
    content = json.loads((DATA / path).read_text(encoding="utf-8"))
    return {feature["id"]: feature for feature in content["features"]}


def _basis(legs: list[dict[str, Any]]) -> str:
    """Shares of a section by basis, in words."""
    km: dict[str, float] = {}
    for leg in legs:
        km[leg["basis"]] = km.get(leg["basis"], 0.0) + leg["km_to"] - leg["km_from"]
    whole = sum(km.values())
    shares = sorted(km.items(), key=lambda item: -item[1])
    named = [f"{name} {n / whole:.0%}" for name, n in shares if n / whole >= SHOWN]
    return ", ".join(named) if len(named) > 1 else shares[0][0]


def _usual(legs: list[dict[str, Any]]) -> float:
    """The accuracy of half of a section, by km."""
    ordered = sorted(legs, key=lambda leg: leg["accuracy_km"])
    km = np.cumsum([leg["km_to"] - leg["km_from"] for leg in ordered])
    return float(ordered[int(np.searchsorted(km, km[-1] / 2))]["accuracy_km"])


def _checked(name: str, section: dict[str, Any], checks: dict[str, Any]) -> dict[str, Any]:
    """What a section is checked against: how many places, and how far off they are."""
    stops = set(section["properties"]["stops"])
    line = shapely.geometry.shape(section["geometry"])
    if section["properties"]["kind"] == "rail":
        rows = checks["stations"]
        off = rows.loc[rows["station"].isin(stops), "separation_km"].to_numpy(float)
        against = "stations"
    else:
        # A section runs along a road whose way points it has, not one that it meets in a town.
        roads = [
            road["id"]
            for road in checks["roads"].values()
            if len(set(road["properties"]["stops"]) & stops) > 1
            and name in (road["properties"]["sections"] or [name])
        ]
        rows = checks["junctions"]
        rows = rows[rows["road"].isin(roads)].drop_duplicates(["lon", "lat"])
        spots = gpd.GeoSeries.from_xy(rows["lon"], rows["lat"], crs=4326)
        chain = Chainage(line)
        near = chain.locate(spots)
        inside = near["km"].between(END_KM, chain.end_km - END_KM) & (
            near["offset_km"] <= BESIDE_KM
        )
        off = near.loc[inside, "offset_km"].to_numpy(float)
        against = "junctions"
    if not len(off):
        return {"checked by": "–"}
    return {
        "checked by": against,
        "places": len(off),
        "median_km": float(np.median(off)),
        "p95_km": float(np.quantile(off, 0.95)),
    }


def table() -> pd.DataFrame:
    """Each drawn base section: basis, 95 % value, what it was checked against, ratio.

    Returns
    -------
    DataFrame
        `km` (drawn), `basis` (shares by km), `usual_km` and `poorest_km` (95 % values: of half
        of it, and of its poorest leg), `checked by`, `places` (how many), `median_km` and
        `p95_km` (how far they are from the line), `ratio` (drawn to published length).
    """
    best = features("lines.geojson") | features("odbl/lines.geojson")
    stations = pd.read_csv(DATA / "odbl" / "station_positions.csv").query("use == 'check'")
    checks = {
        "stations": stations,
        "roads": features("odbl/roads.geojson"),
        "junctions": pd.read_csv(ROOT / "tests" / "data" / "osm_junctions.csv"),
    }
    known = cg.layer("sections").set_index("id")
    rows = []
    for name, section in best.items():
        if known.loc[name, "role"] != "base":
            continue
        about = section["properties"]
        rows.append(
            {
                "section": known.loc[name, "name"],
                "km": about["drawn_km"],
                "basis": _basis(about["legs"]),
                "usual_km": _usual(about["legs"]),
                "poorest_km": about["accuracy_km"],
                **_checked(name, section, checks),
                "ratio": known.loc[name, "ratio"],
            }
        )
    frame = pd.DataFrame(rows).set_index("section")
    frame["places"] = frame["places"].astype("Int64")
    return frame


def picture() -> Any:
    """Old lines beside new ones: through places alone, and along the traced roads."""
    from cpecgeo.maps.sheet import new_figure

    old, new = features("lines.geojson"), features("odbl/lines.geojson")
    figure = new_figure(9.0, 8.0)
    for axes, (title, names, window) in zip(figure.subplots(2, 2).ravel(), WINDOWS, strict=True):
        west, south, east, north = window
        for lines, colour, width, label in (
            (old, "#c2683c", 1.0, "through places"),
            (new, "#1d4f91", 1.4, "traced"),
        ):
            for i, name in enumerate(names):
                xy = np.array(lines[name]["geometry"]["coordinates"])
                axes.plot(*xy.T, color=colour, lw=width, label=label if i == 0 else None)
        axes.set_xlim(west, east)
        axes.set_ylim(south, north)
        axes.set_aspect(1 / np.cos(np.radians((south + north) / 2)))
        axes.set_title(title, loc="left", fontsize=9, fontweight="bold")
        axes.tick_params(labelsize=6, length=2)
        axes.xaxis.set_major_formatter("{x:g}° E")
        axes.yaxis.set_major_formatter("{x:g}° N")
        axes.locator_params(nbins=6)
        axes.grid(color="#e3ddd1", lw=0.5)
        axes.legend(fontsize=7, loc="upper left", frameon=False)
    figure.supxlabel(
        "Traced roads © OpenStreetMap contributors (ODbL 1.0); places © GeoNames", fontsize=7
    )
    return figure


def main() -> None:
    """Draw the picture."""
    picture().savefig(PICTURE, dpi=110, metadata={"Software": None})
    print(PICTURE.relative_to(ROOT))


if __name__ == "__main__":
    main()
