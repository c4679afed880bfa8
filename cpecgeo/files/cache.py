"""The folder that fetched and prepared data is kept in."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["cache_dir"]


def cache_dir() -> Path:
    """Return the folder that refreshed lines and downloads are kept in.

    Returns
    -------
    Path
        What the environment variable ``CPECGEO_CACHE`` says, else the user's cache folder of
        this system. It need not exist yet.

    Examples
    --------
    >>> cache_dir().is_absolute()
    True
    """
    stated = os.environ.get("CPECGEO_CACHE", "")
    if stated:
        return Path(stated).expanduser().absolute()
    from platformdirs import user_cache_path

    return Path(user_cache_path("cpecgeo"))
