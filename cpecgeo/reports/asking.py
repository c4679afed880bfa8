"""`report`: what is asked about, and which parts that makes."""

from __future__ import annotations

from typing import Any

from cpecgeo.domains.border import Market
from cpecgeo.errors import InputError, InputTypeError, UnknownNameError
from cpecgeo.features.corridor import Corridor
from cpecgeo.features.corridors import corridor
from cpecgeo.features.places import Place, place
from cpecgeo.reports.corridors import of_corridor
from cpecgeo.reports.record import Report
from cpecgeo.reports.several import of_several
from cpecgeo.reports.sites import of_market, of_place

__all__ = ["report"]


def report(x: Any, *others: Any, draw: bool = True) -> Report:
    """A report on a corridor, a border market, a site, or several side by side.

    Parameters
    ----------
    x : Corridor, Place, Market, str, or a list of them
        Names are those of corridors, then of crossings and other places.
    *others
        Further ones, to compare with.
    draw : bool
        Whether to put in the map and charts; charts need matplotlib (extra ``plot``) and
        are left out without it.

    Returns
    -------
    Report
        `.to_html(path)`, `.to_markdown(path)`, `.to_dict()`, `.save(path)`; shows itself in
        a notebook.

    Raises
    ------
    UnknownNameError
        A name that nothing has; the message has near ones.
    InputTypeError, InputError
        Something that can't be reported on.

    Examples
    --------
    >>> r = report("taxila-havelian", draw=False)
    >>> [part.key for part in r.parts][:3]
    ['glance', 'sections', 'by_status']
    """
    asked = [*x, *others] if isinstance(x, (list, tuple)) else [x, *others]
    if not asked:
        raise InputError("The list is empty; name a corridor or a place to report on.")
    things = [_thing(item) for item in asked]
    if len(things) > 1:
        return of_several(things, draw=draw)
    thing = things[0]
    if isinstance(thing, Corridor):
        return of_corridor(thing, draw=draw)
    if isinstance(thing, Market) or thing.layer == "crossings":
        return of_market(thing, draw=draw)
    return of_place(thing, draw=draw)


def _thing(x: Any) -> Any:
    if isinstance(x, (Corridor, Place, Market)):
        return x
    if not isinstance(x, str):
        raise InputTypeError(
            f"A report was asked for on {type(x).__name__}; give a name, a Corridor, a Place "
            "or a Market."
        )
    try:
        return corridor(x)
    except UnknownNameError as error:
        try:
            return place(x)
        except UnknownNameError as other:
            near = [*error.near, *other.near]
            where = "See cpecgeo.corridors() and cpecgeo.catalog()."
            raise UnknownNameError(x, "corridor or place", near, where) from other
