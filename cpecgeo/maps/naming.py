"""Names on the overview figure: each is whole and clear of the others, or left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import shapely

from cpecgeo.maps.background import ground_names
from cpecgeo.maps.style import KINDS

__all__ = ["dots", "write_names"]

_LOOKS: dict[str, dict[str, Any]] = {
    "city": {"fontsize": 7, "color": "#26231f"},
    "country": {"fontsize": 7.5, "color": "#696358"},
    "province": {"fontsize": 7, "color": "#6a6357", "fontstyle": "italic"},
}
# Populations from which towns are named.
LARGE = 400_000


@dataclass(frozen=True)
class Name:
    """A text and the places where it may stand, best first."""

    text: str
    look: str
    places: list[tuple[float, float, str]] = field(default_factory=list)


def write_names(figure: Any, axes: Any) -> None:
    """Write the names of cities, countries and provinces on a map.

    Parameters
    ----------
    figure : matplotlib.figure.Figure
        Complete but for the names.
    axes : matplotlib.axes.Axes
        In lon, lat.
    """
    from matplotlib.patheffects import Normal, Stroke

    figure.draw_without_rendering()
    frame = axes.get_window_extent()
    legend = axes.get_legend()
    taken = [] if legend is None else [legend.get_window_extent()]
    (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
    for name in _names(shapely.box(west, south, east, north)):
        for x, y, side in name.places:
            text = axes.text(
                x, y, name.text.replace("$", r"\$"), ha=side, va="center", zorder=6,
                **_LOOKS[name.look],
            )  # fmt: skip
            text.set_in_layout(False)
            box = text.get_window_extent().padded(1.5)
            inside = frame.containsx(box.x0) and frame.containsx(box.x1)
            inside = inside and frame.containsy(box.y0) and frame.containsy(box.y1)
            if inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                text.set_path_effects([Stroke(linewidth=2.2, foreground="#fffdf9"), Normal()])
                break
            text.remove()


def _names(view: Any) -> Iterator[Name]:
    import cpecgeo

    places = cpecgeo.layer("places")
    people = places["population"].fillna(0).astype(float)
    places = places[(people >= LARGE) & places.geometry.intersects(view)].assign(people=people)
    aside = 0.14
    for row in places.sort_values("people", ascending=False).itertuples():
        x, y = row.geometry.x, row.geometry.y
        yield Name(str(row.name), "city", [(x + aside, y, "left"), (x - aside, y, "right")])
    for look, frame in ground_names().items():
        for row in frame.itertuples():
            at = shapely.get_coordinates(row.geometry)
            at = at[shapely.contains_xy(view, *at.T)]
            name = str(row.name)
            yield Name(
                name.upper() if look == "country" and name != "Arabian Sea" else name,
                look,
                [(x, y, "center") for x, y in at],
            )


def dots(axes: Any) -> None:
    """Dots for the cities that may be named.

    Parameters
    ----------
    axes : matplotlib.axes.Axes
        In lon, lat.
    """
    import cpecgeo

    places = cpecgeo.layer("places")
    places = places[places["population"].fillna(0).astype(float) >= LARGE]
    axes.plot(places.geometry.x, places.geometry.y, "o", ms=2.6, color=KINDS["places"].color,
              mec="white", mew=0.5, zorder=5)  # fmt: skip
