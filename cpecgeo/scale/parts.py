"""Finished parts of a run: written whole, recorded with their hash, joined at the end.

A run keeps its parts in a folder beside the file it makes, ``.NAME.parts``. Each part is
written under a temporary name, flushed to disk, moved into place, and only then recorded. What
a run that was cut off leaves behind is therefore either a whole part with its record, or
something that the next run throws away.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cpecgeo.errors import FileError, InputError
from cpecgeo.scale.sources import Position

__all__ = ["Part", "Parts", "explained", "sha256"]


@dataclass(frozen=True)
class Part:
    """A finished part.

    Attributes
    ----------
    number : int
    start, end : Position
        Which rows of the source it answers.
    rows : int
        How many rows it holds.
    skipped : int
        Rows of the source with no point, or none that can be measured.
    sha256 : str
    """

    number: int
    start: Position
    end: Position
    rows: int
    skipped: int
    sha256: str


def sha256(path: Path) -> str:
    """The hash of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def explained(error: OSError, path: Path) -> FileError:
    """The error of this package for one of the system's."""
    if isinstance(error, FileError):
        return error
    code = error.errno
    if code is None and "No space left" in str(error):
        code = errno.ENOSPC
    if code in {errno.ENOSPC, errno.EDQUOT}:
        return FileError(
            f"The disk is full while writing {path}; finished parts are kept. Free some space "
            "and run again with resume."
        )
    reason = error.strerror or (str(error).splitlines() or ["unknown"])[0]
    return FileError(
        f"can't write {path} ({reason}); name a file in a folder that exists and that you may "
        "write to."
    )


@dataclass(frozen=True)
class Parts:
    """The folder of parts of one run.

    Attributes
    ----------
    out : Path
        What the run makes.
    suffix : str
        Of each part.
    key : dict
        What the answers depend on; parts of another run are not taken.
    """

    out: Path
    suffix: str
    key: dict[str, Any]

    @property
    def folder(self) -> Path:
        """Where the parts are."""
        return self.out.parent / f".{self.out.name}.parts"

    def path(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"part-{number:06d}{self.suffix}"

    def record(self, number: int) -> Path:
        """The record of a part."""
        return self.folder / f"part-{number:06d}.json"

    @contextlib.contextmanager
    def opened(self, *, resume: bool) -> Iterator[dict[int, Part]]:
        """Hold the folder, and give the finished parts in it that are whole.

        Raises
        ------
        InputError
            The folder has parts of a run with other options, targets or source.
        FileError
            Another process is at it, or the folder can't be made.
        """
        if not self.out.parent.is_dir():
            raise FileError(f"There is no folder {self.out.parent}; make it first.")
        try:
            self._sweep()
            self.folder.mkdir(exist_ok=True)
            with (self.folder / "lock").open("a") as lock:
                _hold(lock, self.out)
                if not resume:
                    self._clear()
                self._match_key()
                yield self._finished()
        except OSError as error:
            raise explained(error, self.out) from error

    def _clear(self) -> None:
        for path in self.folder.iterdir():
            if path.name != "lock":
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _match_key(self) -> None:
        path = self.folder / "run.json"
        wanted = json.loads(json.dumps(self.key))
        if path.is_file():
            try:
                found = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                found = {}
            changed = sorted(k for k in {*wanted, *found} if wanted.get(k) != found.get(k))
            if changed:
                raise InputError(
                    f"{self.folder} has parts of another run ({', '.join(changed)} differ); run "
                    "without resume to start anew."
                )
            return
        self._clear()
        write_json(path, self.key)

    def _finished(self) -> dict[int, Part]:
        """Parts whose bytes are those that were recorded; others are taken away."""
        done: dict[int, Part] = {}
        for record in sorted(self.folder.glob("part-*.json")):
            try:
                raw = json.loads(record.read_text(encoding="utf-8"))
                part = _part(raw)
                good = sha256(self.path(part.number)) == part.sha256
            except (ValueError, KeyError, TypeError, FileNotFoundError):
                good = False
            if good:
                done[part.number] = part
            else:
                record.unlink()
        kept = {self.path(n).name for n in done} | {self.record(n).name for n in done}
        for path in self.folder.iterdir():
            if path.name not in kept | {"lock", "run.json", "done.json"}:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        return done

    def finish(self, part: Part) -> None:
        """Record a part that is in place."""
        write_json(self.record(part.number), asdict(part))

    def place(self, whole: Path, made: list[Part]) -> None:
        """Move the result into place, and take the folder away.

        What is recorded first keeps a run that is cut off here from being done again.
        """
        write_json(self._end, {"made": [asdict(p) for p in made], "seen": _seen(whole)})
        if self.out.is_dir():
            self.out.replace(self.folder / "old")
        whole.replace(self.out)
        self.remove()

    def ended(self) -> list[Part] | None:
        """The parts of a run that had its result in place already."""
        try:
            record = json.loads(self._end.read_text(encoding="utf-8"))
            if record["seen"] != _seen(self.out):
                return None
            return [_part(raw) for raw in record["made"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @property
    def _end(self) -> Path:
        return self.folder / "done.json"

    def remove(self) -> None:
        """Take the folder away, all at once as others see it."""
        self._sweep()
        self.folder.replace(self._gone)
        self._sweep()

    @property
    def _gone(self) -> Path:
        return self.out.parent / f".{self.out.name}.gone"

    def _sweep(self) -> None:
        shutil.rmtree(self._gone, ignore_errors=True)


def _part(raw: dict[str, Any]) -> Part:
    start, end = Position(**raw.pop("start")), Position(**raw.pop("end"))
    return Part(start=start, end=end, **raw)


def _seen(path: Path) -> list[int]:
    """What tells a file from another without reading it; moving it changes none of this."""
    stat = path.stat()
    return [stat.st_ino, stat.st_size, stat.st_mtime_ns]


def write_json(path: Path, value: dict[str, Any]) -> None:
    """A record, written whole."""
    fresh = path.with_suffix(".new")
    with fresh.open("w", encoding="utf-8") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _hold(lock: Any, out: Path) -> None:
    """Keep other processes away; the system lets go when this one ends, however it ends."""
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
