"""Files of the user's cache: written whole, and checked when they are read."""

from __future__ import annotations

import hashlib
import json
import zlib
from pathlib import Path
from typing import Any

from cpecgeo.errors import DataError, FileError
from cpecgeo.files.disk import write_whole

__all__ = ["read_checked", "write_checked"]

_FORMAT = 1


def write_checked(path: Path, record: dict[str, Any], body: bytes) -> None:
    """Write a record and a body as one file: whole, or not at all.

    The first line is JSON: the record, and length and sha256 of the compressed body after it.

    Parameters
    ----------
    path : Path
    record : dict
        Anything JSON can hold.
    body : bytes

    Raises
    ------
    FileError
        The folder can't be made or written.
    """
    packed = zlib.compress(body, 6)
    head = {
        "cpecgeo": _FORMAT,
        "record": record,
        "bytes": len(packed),
        "sha256": _digest(record, packed),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(
            f"The cache folder {path.parent} can't be made: {error}. Set CPECGEO_CACHE to a "
            "folder that you may write to."
        ) from error
    write_whole(path, json.dumps(head, ensure_ascii=False).encode() + b"\n" + packed)


def read_checked(path: Path) -> tuple[dict[str, Any], bytes]:
    """Read what `write_checked` wrote.

    Returns
    -------
    record : dict
    body : bytes

    Raises
    ------
    DataError
        The file isn't what was written: its sha256 or its form is another.
    FileError
        It can't be read.
    """
    try:
        head, _, packed = path.read_bytes().partition(b"\n")
    except OSError as error:
        raise FileError(f"{path} can't be read: {error}.") from error
    try:
        parsed = json.loads(head)
        if parsed["cpecgeo"] != _FORMAT:
            raise DataError(
                f"{path} has format {parsed['cpecgeo']}, and this version reads {_FORMAT}; "
                "refresh again."
            )
        record = parsed["record"]
        if _digest(record, packed) == parsed["sha256"]:
            return record, zlib.decompress(packed)
    except (ValueError, KeyError, TypeError, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error}); delete it and refresh again.") from error
    raise DataError(
        f"{path} is damaged: its sha256 isn't the one recorded. Delete it and refresh again."
    )


def _digest(record: dict[str, Any], packed: bytes) -> str:
    told = json.dumps(record, sort_keys=True, ensure_ascii=False).encode()
    return hashlib.sha256(told + b"\n" + packed).hexdigest()
