"""The user's disk: paths on it, files written wholly or not at all, the folder of the cache."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cpecgeo.errors import FileError, InputTypeError

__all__ = ["cache_dir", "local", "replacing", "write_whole"]

_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/{1,2}[^/]")


def local(path: Any, what: str) -> Path:
    """Return a path on this machine's disk, whether or not something is there.

    Parameters
    ----------
    path : str or path
    what : str
        The argument's name, for messages.

    Returns
    -------
    Path

    Raises
    ------
    InputTypeError
        Not a path.
    FileError
        No disk can have a file of that name, or it is an address.
    """
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise InputTypeError(f"{what} is {type(path).__name__}; the path of a file is needed.")
    found = Path(path)
    try:
        found.stat()
    except FileNotFoundError:
        if _ADDRESS.match(str(path)):
            raise FileError(
                f"{str(path)[:80]!r} doesn't exist as a file and looks like an address; download "
                "it first, and name the file."
            ) from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{what} {str(path)[:60]!r} is no file ({reason}).") from error
    return found


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
