"""Files written wholly or not at all."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from cpecgeo.errors import FileError

__all__ = ["replacing", "write_whole"]


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a fresh path to write to, and move it into place when the block ends well.

    Parameters
    ----------
    path : Path
        Its folder must exist. An earlier file stays as it is until the new one is complete.

    Yields
    ------
    Path
        A file of the same name in a temporary folder beside `path`. Whatever is written beside
        it, such as the other files of a shapefile, is moved too, `path` last.

    Raises
    ------
    FileError
        The folder is missing or can't be written, or the disk is full.
    """
    try:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:40]}."))
    except OSError as error:
        raise _refusal(path, error) from error
    try:
        fresh = folder / path.name
        yield fresh
        for part in sorted(folder.iterdir(), key=lambda p: p == fresh):
            part.replace(path.parent / part.name)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise _refusal(path, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_whole(path: Path, data: bytes) -> Path:
    """Write bytes to a file, wholly or not at all.

    Parameters
    ----------
    path : Path
        Its folder must exist.
    data : bytes

    Returns
    -------
    Path
        `path`.

    Raises
    ------
    FileError
        As `replacing`.
    """
    with replacing(path) as fresh:
        fresh.write_bytes(data)
    return path


def _refusal(path: Path, error: OSError) -> FileError:
    return FileError(
        f"can't write {path} ({error.strerror or error}); "
        "name a file in a folder that exists and that you may write to."
    )
