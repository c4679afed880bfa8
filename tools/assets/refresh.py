"""Fetch the browser libraries that maps inline, from npm, at the versions `wanted.json` names.

    python tools/assets/refresh.py            write cpecgeo/maps/assets/vendor
    python tools/assets/refresh.py --check    only compare what is there with its record

Every file keeps its path inside its package, so that relative links in style sheets hold. The
record `vendor.json` names version, licence, the archive's sha256 and each file's sha256. An
archive whose version was recorded before must have the recorded sha256.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
VENDOR = HERE.parents[1] / "cpecgeo" / "maps" / "assets" / "vendor"


def sha256(data: bytes) -> str:
    """Return the hexadecimal sha256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def folder(package: str) -> str:
    """Return the folder of a package: its name without the scope."""
    return package.rsplit("/", 1)[-1]


def fetch(package: str, version: str, into: Path) -> Path:
    """Fetch the package's archive by npm."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("npm isn't on PATH; install it to refresh the assets.")
    done = subprocess.run(
        [npm, "pack", f"{package}@{version}", "--json", "--pack-destination", str(into)],
        check=True,
        capture_output=True,
        text=True,
    )
    name = json.loads(done.stdout)[0]["filename"].replace("@", "").replace("/", "-")
    return into / name


def member(archive: tarfile.TarFile, path: str) -> bytes:
    """Read one file of an npm archive, whatever its top folder is called."""
    for info in archive:
        if info.isfile() and info.name.split("/", 1)[-1] == path:
            handle = archive.extractfile(info)
            if handle is not None:
                return handle.read()
    sys.exit(f"the archive holds no {path}")


def refresh(wanted: dict[str, Any]) -> None:
    """Write the vendor folder and its record."""
    record_path = VENDOR / "vendor.json"
    before = json.loads(record_path.read_text()) if record_path.exists() else {}
    fresh: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        staged = Path(temporary) / "vendor"
        for package, want in sorted(wanted.items()):
            path = fetch(package, want["version"], Path(temporary))
            digest = sha256(path.read_bytes())
            old = before.get(package, {})
            if old.get("version") == want["version"] and old["archive_sha256"] != digest:
                sys.exit(f"{package} {want['version']} changed: {digest}")
            files = {}
            with tarfile.open(path) as archive:
                for name in [*want["files"], want["licence_file"]]:
                    data = member(archive, name)
                    target = staged / folder(package) / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(data)
                    files[name] = sha256(data)
            fresh[package] = {
                "version": want["version"],
                "licence": want["licence"],
                "licence_file": want["licence_file"],
                "archive_sha256": digest,
                "folder": folder(package),
                "stands_for": want["stands_for"],
                "files": dict(sorted(files.items())),
            }
            print(f"{package} {want['version']}: {len(files)} files")
        (staged / "vendor.json").write_text(json.dumps(fresh, indent=1) + "\n")
        if VENDOR.exists():
            shutil.rmtree(VENDOR)
        shutil.copytree(staged, VENDOR)


def check(wanted: dict[str, Any]) -> int:
    """Count the files that differ from the record, and records that differ from what is wanted."""
    record = json.loads((VENDOR / "vendor.json").read_text())
    wrong = [p for p in wanted if record.get(p, {}).get("version") != wanted[p]["version"]]
    for entry in record.values():
        for name, digest in entry["files"].items():
            path = VENDOR / entry["folder"] / name
            if not path.exists() or sha256(path.read_bytes()) != digest:
                wrong.append(str(path))
    for item in wrong:
        print(f"differs: {item}")
    return len(wrong)


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--check", action="store_true", help="compare, don't fetch")
    arguments = parser.parse_args()
    wanted = json.loads((HERE / "wanted.json").read_text())
    if arguments.check:
        sys.exit(1 if check(wanted) else 0)
    refresh(wanted)


if __name__ == "__main__":
    main()
