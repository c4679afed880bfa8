"""How much of a pixel is road: by how much red exceeds green and blue."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tools.trace.tiles import Raster

BACKGROUND = 6.0
"""Excess of red that land without a road shows, in grey levels."""

FULL = 60.0
"""Excess of red of a pixel that is all road."""

TRUNK_BLUE = 5.0
"""Trunk roads are orange: green exceeds blue by at least so much. Motorways are pink."""

OTHER_CLASS = {"trunk": 0.15, "motorway": 0.1}
"""Weight of the pixels of the other class: where two roads touch, the colours mix."""


def strength(picture: Raster, road: str) -> Raster:
    """Strength of the roads of a class, pixel by pixel.

    Parameters
    ----------
    picture : Raster
        Red, green and blue.
    road : {"trunk", "motorway", "any"}

    Returns
    -------
    Raster
        0 where there is no road, up to `FULL`. The line is antialiased, so the strength of a
        pixel is the share of it that the line covers.
    """
    red, green, blue = np.moveaxis(picture.grid.astype(float), 2, 0)
    excess = np.clip(np.minimum(red - green, red - blue) - BACKGROUND, 0, FULL)
    if road == "any":
        return replace(picture, grid=excess)
    trunk = green - blue >= TRUNK_BLUE
    ours = trunk if road == "trunk" else ~trunk
    return replace(picture, grid=np.where(ours, excess, excess * OTHER_CLASS[road]))
