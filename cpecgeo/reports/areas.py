"""The corridors and towns in an area: their tables and their sentences."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cpecgeo.catalogue import layer
from cpecgeo.features.corridors import corridors
from cpecgeo.geodesy import densify, length_km
from cpecgeo.maps.words import Words
from cpecgeo.reports.document import MEETS_KM
from cpecgeo.reports.render import Part
from cpecgeo.routing.border import rank_lengths

__all__ = ["clip_corridors", "find_towns", "lead_area", "list_inside", "list_towns"]

_NAMED = 3  # so many corridors are named in the first sentences


def clip_corridors(shape: shapely.Geometry) -> gpd.GeoDataFrame:
    """Clip the corridors to an area: `title status length_km target`, the longest in it first."""
    known = layer("corridors")
    # Edges are geodesics: they are divided, so that they are clipped where they run.
    near = known[known.geometry.intersects(shape)]
    parts = (
        densify(near.geometry, 1.0)
        .intersection(densify(gpd.GeoSeries([shape], crs=known.crs), 1.0).iloc[0])
        .explode()
    )
    inside = parts[shapely.get_dimensions(parts.to_numpy()) == 1].groupby(level=0).agg(
        lambda lines: shapely.multilinestrings(lines.to_list())
    )  # fmt: skip
    lines = gpd.GeoSeries(inside, crs=known.crs)
    target = known.loc[lines.index, "id"]
    found = gpd.GeoDataFrame(
        corridors().loc[target, ["title", "status"]].assign(
            length_km=np.asarray(length_km(lines), float) if len(lines) else [],
            target=target.to_numpy(),
        ).reset_index(drop=True),
        geometry=lines.to_list(), crs=known.crs,
    )  # fmt: skip
    found = found[found["length_km"] >= MEETS_KM]
    # Alignments run over other roads: of equal ones, to the metre, shorter ones come first.
    metres = (found["length_km"] * 1e3).round().to_numpy()
    return found.iloc[np.lexsort((rank_lengths(found["target"]), -metres))].reset_index(drop=True)


def list_inside(found: gpd.GeoDataFrame, say: Words) -> Part:
    """List the corridors that run through an area, with their km in it."""
    rows = pd.DataFrame(found.drop(columns="geometry"))
    text = (say("Corridors share roads and rails, so their km in it don't add up."),)
    return Part("corridors", say("Corridors through it"), text if len(rows) > 1 else (), rows,
                view=rows.drop(columns="target"))  # fmt: skip


def lead_area(found: gpd.GeoDataFrame, title: str, towns: gpd.GeoDataFrame, say: Words) -> str:
    """Write which corridors run through an area, and how many people live in its towns."""
    first = found.head(_NAMED)
    names = say("; ").join(
        say("{title} ({km} km)", title=say.name(row.title), km=f"{row.length_km:,.0f}"
            if row.length_km >= 0.5 else f"{row.length_km:.1f}")
        for row in first.itertuples()
    )  # fmt: skip
    said = []
    if len(found) > _NAMED:
        said.append(say("Through {title} run {count} corridors, with the most km in it {names}.",
                        title=title, count=len(found), names=names))  # fmt: skip
    elif len(found):
        said.append(say("Through {title} run: {names}.", title=title, names=names))
    people = float(towns["population"].fillna(0).sum())
    if towns.empty:
        said.append(say("No town of the gazetteer lies in {title}.", title=title))
    elif people == 0:
        said.append(say("No town with a population figure lies in {title}.", title=title))
    else:
        said.append(say("Towns of {people} people in all lie in {title}.", title=title,
                        people=say.people(people)))  # fmt: skip
    return say.join(said)


def find_towns(shape: shapely.Geometry) -> gpd.GeoDataFrame:
    """Find the towns drawn in an area, the largest first."""
    places = layer("places")
    inside = places[places.geometry.notna()]
    inside = inside[inside.geometry.intersects(shape)]
    return inside.sort_values("population", ascending=False)


def list_towns(towns: gpd.GeoDataFrame, say: Words) -> Part:
    """List the largest towns in an area."""
    text = say("{count} towns of the gazetteer lie in it; the largest, up to fifteen, follow.",
               count=len(towns))  # fmt: skip
    rows = pd.DataFrame(towns[["name", "population"]].head(15))
    return Part("towns", say("Towns in it"), (text,), rows if len(rows) else None)
