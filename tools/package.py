"""Describe the data: `python -m tools.package` writes data/datapackage.json.

A Frictionless Data Package: every data file with its licence, size, sha256 and, for tables,
its schema. Column types and meanings stand in ``tools/columns.json``.
"""

from __future__ import annotations

import csv
import hashlib
import json
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DATA = ROOT / "data"
LEFT_OUT = {"datapackage.json", "LICENSES.md", "README.md", "record.json"}
TYPES = {
    ".csv": "text/csv",
    ".geojson": "application/geo+json",
    ".json": "application/json",
    ".npz": "application/octet-stream",
}
LICENCES = {
    "odbl": ("ODbL-1.0", "https://opendatacommons.org/licenses/odbl/1-0/"),
    "own": ("CC-BY-4.0", "https://creativecommons.org/licenses/by/4.0/"),
}


def schema(path: Path, columns: dict[str, Any], data: Path) -> dict[str, Any]:
    """Return the Table Schema of a CSV file: fields in order, key and foreign keys."""
    with path.open(encoding="utf-8", newline="") as file:
        head = next(csv.reader(file))
    fields = []
    for name in head:
        field: dict[str, Any] = {"name": name, **columns["fields"][name]}
        if name == "id":
            field["constraints"] = {"required": True, "unique": True}
        fields.append(field)
    answer: dict[str, Any] = {"fields": fields}
    if "id" in head:
        answer["primaryKey"] = "id"
    keys = columns["foreignKeys"].get(str(path.relative_to(data)), {})
    if keys:
        answer["foreignKeys"] = [
            {"fields": own, "reference": {"resource": there, "fields": "id"}}
            for own, there in keys.items()
        ]
    return answer


def resource(path: Path, columns: dict[str, Any], record: dict[str, Any]) -> dict[str, Any]:
    """Describe one file of the package."""
    relative, content = path.relative_to(DATA), path.read_bytes()
    derived = record.get(path.name, {})
    name, link = LICENCES["odbl" if relative.parts[0] == "odbl" else "own"]
    answer: dict[str, Any] = {
        "name": str(relative.with_suffix("")).replace("/", "-").replace("_", "-"),
        "path": str(relative),
        "title": derived.get("title") or columns["titles"][str(relative)],
        "mediatype": TYPES[path.suffix],
        "bytes": len(content),
        "hash": f"sha256:{hashlib.sha256(content).hexdigest()}",
        "licenses": [{"name": derived["licence"]} if derived else {"name": name, "path": link}],
    }
    if derived:
        answer["sources"] = [{"title": derived["source"]}]
    if path.suffix == ".csv":
        answer |= {"profile": "tabular-data-resource", "encoding": "utf-8"}
        answer["schema"] = schema(path, columns, DATA)
    return answer


def text() -> str:
    """Return the whole descriptor as text."""
    columns = json.loads((ROOT / "tools" / "columns.json").read_text(encoding="utf-8"))
    record = json.loads((DATA / "derived" / "record.json").read_text(encoding="utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    files = sorted(
        p for p in DATA.rglob("*") if p.suffix in TYPES and p.is_file() and p.name not in LEFT_OUT
    )
    package = {
        "profile": "data-package",
        "name": "cpecgeo",
        "title": "The China–Pakistan Economic Corridor: lines, sites, figures",
        "version": project["version"],
        "licenses": [{"name": name, "path": link} for name, link in LICENCES.values()],
        "resources": [resource(path, columns, record) for path in files],
    }
    return json.dumps(package, ensure_ascii=False, indent=1) + "\n"


def main() -> None:
    """Write the descriptor."""
    try:
        described = text()
    except KeyError as error:
        raise SystemExit(
            f"{error} isn't described: give each file a title and each column a type and a "
            "meaning in tools/columns.json."
        ) from None
    (DATA / "datapackage.json").write_text(described, encoding="utf-8")


if __name__ == "__main__":
    main()
