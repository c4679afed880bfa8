"""What points are compared with, prepared once and sent wherever the work is done."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import geopandas as gpd
import numpy as np
import shapely

from cpecgeo.features.resolve import resolve
from cpecgeo.features.subject import SubjectLike
from cpecgeo.geodesy import Chainage, Index

__all__ = ["Targets", "targets"]


@dataclass(frozen=True, eq=False)
class Targets:
    """Geometries with their search tree, and the chainage of those that are corridors.

    Made by `targets`; it pickles, so one can be sent to many workers.

    Attributes
    ----------
    index : Index
    chainages : dict of str to Chainage
        By id; empty where no target is a corridor.
    label : str
        What they are, for records.
    digest : str
        sha256 of ids, geometries and measures: two targets with the same digest give the
        same answers.
    """

    index: Index
    chainages: dict[str, Chainage] = field(repr=False)
    label: str
    digest: str

    def __len__(self) -> int:
        return len(self.index)

    def __dask_tokenize__(self) -> str:
        return self.digest


def targets(to: SubjectLike | Targets) -> Targets:
    """Prepare what points shall be compared with.

    Parameters
    ----------
    to : str, Corridor, Place, geometry, GeoSeries, GeoDataFrame, list of names, or Targets
        A name is that of a corridor, a place or a layer, mixed at will as in
        `cpecgeo.nearest`; ``"corridors"`` is all corridors, with their chainage. A series or
        frame needs a CRS.

    Returns
    -------
    Targets

    Raises
    ------
    UnknownNameError, InputTypeError, CRSError, CoordinateError, GeometryError
    InputError
        Nothing is left to compare with.

    Examples
    --------
    >>> len(targets("ml1")), sorted(targets(["kkh", "ml1"]).chainages)
    (1, ['kkh', 'ml1'])
    """
    if isinstance(to, Targets):
        return to
    subject = resolve(to, "to")
    series = subject.shapes
    chainages = {str(name): chainage for name, chainage in subject.chainages.items()}
    names = [to] if isinstance(to, str) else list(chainages)
    label = ", ".join(names) if names else subject.title
    return Targets(Index(series), chainages, label, _digest(series, chainages))


def _digest(series: gpd.GeoSeries, chainages: dict[str, Chainage]) -> str:
    seen = hashlib.sha256()
    for name, wkb in zip(series.index, shapely.to_wkb(series.to_numpy()), strict=True):
        seen.update(f"{name!r}:{len(wkb)}:".encode())
        seen.update(wkb)
    for name, chainage in chainages.items():
        seen.update(name.encode())
        seen.update(np.ascontiguousarray(chainage.measures_km).tobytes())
    return seen.hexdigest()
