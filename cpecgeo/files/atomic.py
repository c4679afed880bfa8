"""Files written completely or not at all."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cpecgeo.errors import FileError

__all__ = ["write_whole"]


def write_whole(path: Path, data: bytes) -> Path:
    """Write a file completely or not at all.

    Parameters
    ----------
    path : Path
        Its folder must exist.
    data : bytes
        The contents.

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    FileError
        The folder is missing or can't be written.
    """
    temporary = None
    try:
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f".{path.name[:40]}.", delete=False
        ) as handle:
            temporary = Path(handle.name)
            handle.write(data)
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)
        temporary.replace(path)
    except OSError as error:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
        raise FileError(
            f"can't write {path} ({error.strerror or error}); "
            "name a file in a folder that exists and that you may write to."
        ) from error
    return path
