"""The user's disk: paths, atomic writes, the cache folder, and archives up to a size limit."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import sqlite3
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from cpecgeo.errors import FileError, InputTypeError

__all__ = [
    "MAX_BYTES",
    "ask_sqlite",
    "cache_dir",
    "check_zip",
    "fingerprint",
    "first_line",
    "hold",
    "list_files",
    "local",
    "make_folder",
    "refusal",
    "replacing",
    "settle",
    "translating",
    "unpack",
    "write_whole",
    "zip_files",
]

# The largest unpacked size: a file can unpack to a thousand times its own size.
MAX_BYTES = 2_000_000_000
_ENDS = 1 << 16  # bytes that are hashed
_MAX_FILES = 10_000
_DATE = (1980, 1, 1, 0, 0, 0)
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/{1,2}[^/]")


def local(path: object, what: str) -> Path:
    """Return a path on this machine's disk; the file need not exist.

    Raises
    ------
    InputTypeError
        Not a path.
    FileError
        No file can have that name, or it is an address.
    """
    if not isinstance(path, (str, os.PathLike)) or isinstance(os.fspath(path), bytes):
        raise InputTypeError(f"{what} is {type(path).__name__}; the path of a file is needed.")
    if path == "":
        raise FileError(f"{what} is an empty text; name a file.")
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
    """Yield a temporary path to write to, and move the file into place when the block succeeds.

    The temporary file has the name of `path`, in a temporary folder beside it. Other files written
    there, such as those of a shapefile, are moved too, `path` last. An earlier file is replaced
    only when the new one is complete.

    Raises
    ------
    FileError
        The folder is missing or can't be written, or the disk is full.
    """
    try:
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:40]}."))
    except OSError as error:
        raise refusal(path, error) from error
    try:
        fresh = folder / path.name
        yield fresh
        for part in sorted(folder.iterdir(), key=lambda p: p == fresh):
            part.replace(path.parent / part.name)
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise refusal(path, error) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def translating(what: object) -> Iterator[None]:
    """Turn the operating system's errors of reading into a `FileError`."""
    try:
        yield
    except OSError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{what} can't be read: {error.strerror or error}.") from error


def write_whole(path: Path, data: bytes) -> Path:
    """Write bytes to a file in an existing folder, whole or not at all; return its path.

    Raises
    ------
    FileError
        As `replacing`.
    """
    with replacing(path) as fresh:
        fresh.write_bytes(data)
    return path


def make_folder(folder: Path) -> None:
    """Create a folder, with its parent folders.

    Raises
    ------
    FileError
        It can't be created.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"The folder {folder} can't be made: {error.strerror}. Give another."
        ) from error


def first_line(error: Exception) -> str:
    """Return the first line of a library's error message, shortened."""
    # A library's message may consist of a damaged file's content.
    text = str(getattr(error, "strerror", None) or error).strip()
    return text.splitlines()[0][:200].rstrip(".") if text else type(error).__name__


def settle(path: Path) -> None:
    """Flush a file to disk."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def hold(lock: IO[str], out: Path) -> None:
    """Lock an open file until it is closed or this process ends; do nothing on Windows.

    A lock that another process holds, and so writes `out`, is a `FileError`.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise FileError(
            f"Another process is writing {out}; wait for it, or name another file."
        ) from None


def fingerprint(path: Path) -> list[list[str | int]]:
    """Return a fingerprint of a file, or of the Parquet files in a folder, that changes with them.

    For each file it has the name, bytes, time of the last change in ns, and the sha256 of the first
    and last 64 KiB, which shows a change under a copied time stamp.
    """
    found: list[list[str | int]] = []
    with translating(path):
        for file in list_files(path):
            stat = file.stat()
            with file.open("rb") as opened:
                ends = hashlib.sha256(opened.read(_ENDS))
                opened.seek(max(0, stat.st_size - _ENDS))
                ends.update(opened.read(_ENDS))
            found.append([file.name, stat.st_size, stat.st_mtime_ns, ends.hexdigest()])
    return found


def list_files(path: Path) -> tuple[Path, ...]:
    """Return the file itself, or the Parquet files of a folder by name."""
    return tuple(sorted(path.glob("*.parquet"))) if path.is_dir() else (path,)


def refusal(path: Path, error: OSError) -> FileError:
    """Return the error for a file that the operating system can't write."""
    reason = first_line(error) if str(error) else "unknown"
    return FileError(
        f"can't write {path} ({reason}); "
        "name a file in a folder that exists and that you may write to."
    )


def cache_dir() -> Path:
    """Return the folder for refreshed lines and downloads, which need not exist yet.

    It is the folder in the environment variable ``CPECGEO_CACHE``, else the user's cache folder.

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


def check_zip(path: Path, what: str) -> list[zipfile.ZipInfo]:
    """Check a zip archive's list of contents before anything is unpacked, and return it.

    An archive that is damaged, encrypted, or larger than `MAX_BYTES` is a `FileError`. Reading
    stops at the size stated in the list, so a false list ends in an error too.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            # Skip entries without a name, at which zipfile's methods fail.
            entries = [entry for entry in archive.infolist() if entry.filename]
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise FileError(f"{what} can't be read as a zip archive: {first_line(error)}.") from error
    size = sum(entry.file_size for entry in entries)
    if size > MAX_BYTES or len(entries) > _MAX_FILES:
        raise FileError(
            f"{what} unpacks to {len(entries):,} files of {size:,} bytes, and at most "
            f"{_MAX_FILES:,} of {MAX_BYTES:,} are read; unpack it yourself if you trust it."
        )
    if any(entry.flag_bits & 1 for entry in entries):
        raise FileError(f"{what} is encrypted; unpack it first.")
    return entries


@contextlib.contextmanager
def unpack(path: Path, what: str, suffixes: frozenset[str]) -> Iterator[list[Path]]:
    """Unpack the files with given suffixes into a temporary folder, without subfolders.

    The suffixes are in lower case. An archive that `check_zip` refuses, that is damaged, or that
    has two files of one name is a `FileError`.
    """
    entries = [e for e in check_zip(path, what) if not e.is_dir()]
    with tempfile.TemporaryDirectory(prefix="cpecgeo-") as folder, zipfile.ZipFile(path) as archive:
        found: list[Path] = []
        for entry in entries:
            # Only the last part of a name is used, so that no path leaves the folder.
            name = entry.filename.replace("\\", "/").rpartition("/")[2]
            if Path(name).suffix.casefold() not in suffixes or name.startswith("._"):
                continue
            target = Path(folder) / name
            if target in found:
                raise FileError(f"{what} holds two files named {name!r}; unpack it first.")
            try:
                with archive.open(entry) as packed, target.open("wb") as file:
                    shutil.copyfileobj(packed, file)
            except (
                zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError,
            ) as error:  # fmt: skip
                raise FileError(f"{what} is damaged: {first_line(error)}.") from error
            found.append(target)
        yield found


def zip_files(files: list[Path], path: Path) -> None:
    """Pack files into an archive; the same files give the same bytes."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            entry = zipfile.ZipInfo(file.name, _DATE)
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, file.read_bytes())


def ask_sqlite(path: Path, query: str, *values: str) -> tuple[Any, ...]:
    """Return the first row of a query of a SQLite file, or an empty one."""
    where = f"{path.resolve().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(where, uri=True)) as file:
        return tuple(file.execute(query, values).fetchone() or ())
