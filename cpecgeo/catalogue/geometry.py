"""Which geometry is in force: the lines and outlines of the package, or OpenStreetMap's."""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Literal, TypeAlias

from cpecgeo.errors import InputError
from cpecgeo.files.disk import cache_dir

__all__ = [
    "VARIABLE",
    "Geometry",
    "fingerprint",
    "in_force",
    "stored_path",
    "stored_paths",
    "using",
]

Geometry: TypeAlias = Literal["bundled", "osm"]

VARIABLE = "CPECGEO_GEOMETRY"
_GEOMETRIES = ("bundled", "osm")
_chosen: ContextVar[str | None] = ContextVar("cpecgeo_geometry", default=None)


@contextmanager
def using(*, geometry: Geometry) -> Iterator[None]:
    """Use one geometry in all that is called inside of a ``with`` block.

    Parameters
    ----------
    geometry : {"bundled", "osm"}
        The lines and outlines that ship with the package, or those that `cpecgeo.osm.refresh`
        stored. What wasn't refreshed stays as bundled, with a `DataWarning` that names it.

    Returns
    -------
    context manager

    Raises
    ------
    InputError
        Another word.

    Notes
    -----
    Blocks may be nested; the innermost counts. Each thread and each asynchronous task has its
    own, so that one that uses OpenStreetMap's lines doesn't move those of another. Outside of
    any block the environment variable ``CPECGEO_GEOMETRY`` counts, and without it the bundled
    geometry. Results say in ``.attrs["geometry"]`` what they rest on. As with any context, a
    thread that was started inside of a block begins without it.

    Examples
    --------
    >>> from cpecgeo import corridor
    >>> with using(geometry="bundled"):
    ...     corridor("ml1").geometry
    'bundled'
    """
    token = _chosen.set(_check(geometry, "geometry"))
    try:
        yield
    finally:
        _chosen.reset(token)


def in_force() -> Geometry:
    """Return the geometry in force: that of the innermost `using`, else of the environment.

    Examples
    --------
    >>> with using(geometry="osm"):
    ...     in_force()
    'osm'
    """
    return _check(_chosen.get() or os.environ.get(VARIABLE, "") or "bundled", VARIABLE)


def _check(geometry: str, what: str) -> Geometry:
    if geometry not in _GEOMETRIES:
        raise InputError(f"{what} is {geometry!r}; give 'bundled' or 'osm'.")
    return "osm" if geometry == "osm" else "bundled"


def stored_path(kind: Literal["corridors", "outlines"], name: str) -> Path:
    """Return where the refreshed geometry of a corridor or of a layer of outlines is stored."""
    return cache_dir() / kind / f"{name}.bin"


def stored_paths() -> tuple[Path, ...]:
    """Return all files of refreshed geometry, in order of name."""
    return tuple(sorted(p for kind in ("corridors", "outlines") for p in _files(kind)))


def _files(kind: str) -> list[Path]:
    return [p for p in (cache_dir() / kind).glob("*.bin") if not p.name.startswith(".")]


def fingerprint() -> Hashable:
    """Return a key for what is kept in memory and depends on the geometry in force.

    It changes with the geometry, and with any file of refreshed geometry.
    """
    if in_force() == "bundled":
        return None
    found: list[Hashable] = []
    for path in stored_paths():
        with suppress(FileNotFoundError):  # another process may have deleted it just now
            about = path.stat()
            found.append((str(path), about.st_mtime_ns, about.st_size, about.st_ino))
    return "osm", *found
