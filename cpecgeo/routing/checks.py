"""The network against published distances, with the reason of each difference."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cpecgeo.catalogue import corridor_rows, data_version, layer
from cpecgeo.catalogue.files import read_table
from cpecgeo.catalogue.lines import corridor_id
from cpecgeo.errors import DataError, InputError
from cpecgeo.routing.graph import shared
from cpecgeo.routing.paths import route

__all__ = ["alignment_parts", "route_checks"]


def route_checks() -> pd.DataFrame:
    """Return published distances between two places, and the network's.

    Returns
    -------
    DataFrame
        On the id: `name mode along published_km network_km more_km share` (more_km as a share
        of the published), `access_km` (from the places to the network, not counted),
        `independent` (the network isn't calibrated by this figure or its
        parts), `reason source`. `data/network_checks.csv` has the questions.

    Examples
    --------
    >>> checks = route_checks()
    >>> float(checks.loc["karachi-peshawar-ticket", "network_km"].round())
    1723.0
    """
    rows = []
    for row in read_table("network_checks.csv").to_dict("records"):
        along = row["along"] if isinstance(row["along"], str) else None
        ends = [_end(row[end]) for end in ("from", "to")]
        avoid = row["avoid"].split() if isinstance(row["avoid"], str) else ()
        asked = {"mode": row["mode"], "along": along, "avoid": avoid, "status": row["statuses"]}
        try:
            way = route(*ends, weight="km", **asked)
            km, access = way.chainage_km, way.access_km
        except (DataError, InputError):
            # Without the OpenStreetMap folder some railways aren't drawn.
            km = access = float("nan")
        more = km - row["published_km"]
        rows.append(
            {
                "id": row["id"],
                "name": row["name"],
                "mode": row["mode"],
                "along": along or "",
                "published_km": float(row["published_km"]),
                "network_km": km,
                "more_km": more,
                "share": more / row["published_km"],
                "access_km": access,
                "independent": bool(row["independent"]),
                "reason": row["reason"],
                "source": row["source"],
            }
        )
    frame = pd.DataFrame(rows).set_index("id")
    frame.attrs = {
        "method": "Dijkstra, least km, calibrated km",
        "ellipsoid": "WGS 84",
        "edges": "geodesic",
        "sources": sorted(set(frame["source"])),
        "data_version": data_version(),
    }
    return frame


def _end(name: str) -> object:
    """Return a place, or a point of a line by its id where the name means several."""
    nodes = shared().nodes
    here = nodes[nodes["id"] == name]
    return here.geometry.iloc[0] if len(here) else name


def alignment_parts(name: str) -> pd.DataFrame:
    """Return a corridor's sections with their published, network and drawn km.

    Parameters
    ----------
    name : str
        A corridor, such as ``"western"``.

    Returns
    -------
    DataFrame
        A row per section in order: `section name status published_km` (missing where none is
        published), `network_km`, `drawn_km`, `more_km` (network less published), `reason`.

    Examples
    --------
    >>> parts = alignment_parts("western").set_index("section")
    >>> float(parts.loc["raikot-thakot", "network_km"].round(6))
    280.0
    """
    row = corridor_rows()[corridor_id(name)]
    sections = layer("sections").loc[row["sections"]]
    edges = shared().edges
    of = edges["sections"].tolist()
    # A stretch that two parts share counts for the first, as one passes it once.
    part = [next((s for s in row["sections"] if s in names), "") for names in of]
    km = edges["km"].groupby(np.array(part, dtype=object)).sum()
    frame = pd.DataFrame(
        {
            "section": sections.index,
            "name": sections["name"].to_numpy(),
            "status": sections["status"].to_numpy(),
            "published_km": sections["official_km"].to_numpy(float),
            "network_km": km.reindex(sections.index).fillna(0.0).to_numpy(),
            "drawn_km": sections["drawn_km"].to_numpy(float),
            "reason": sections["chainage_reason"].to_numpy(),
        }
    )
    frame.insert(6, "more_km", frame["network_km"] - frame["published_km"])
    used = edges.groupby(np.array(part, dtype=object))["section"].agg(lambda s: sorted(set(s)))
    words = [_lender(s, used.get(s, [])) for s in sections.index]
    missing, same = frame["published_km"].isna(), frame["more_km"].abs() < 0.05
    why = frame["reason"].where(~missing & frame["reason"].notna(), pd.Series(words))
    frame["reason"] = why.where(~same, "")
    frame.attrs = {"corridor": row["id"], "data_version": data_version()}
    return frame


def _lender(section: str, used: list[str]) -> str:
    """Return whose kilometres a section without a fitting figure takes."""
    published = layer("sections")["official_km"]
    lent = [s for s in used if s != section and published[s] > 0]
    own = "its own figure" if published[section] > 0 else "no figure found: drawn length"
    if not lent:
        return own
    return f"measured on {', '.join(lent)}" + (f"; rest: {own}" if section in used else "")
