"""The descriptor has its structure, its files exist, and each row fits its schema."""

import json
from pathlib import Path

import jsonschema
import pandas as pd
import pandera.pandas as pa
import pytest

DATA = Path(__file__).parents[2] / "data"
PACKAGE = json.loads((DATA / "datapackage.json").read_text(encoding="utf-8"))
RESOURCES = {r["path"]: r for r in PACKAGE["resources"]}
TABLES = [path for path in RESOURCES if path.endswith(".csv")]
ABOUT_THE_DATA = {"datapackage.json", "LICENSES.md", "README.md", "record.json"}
SITES = ["crossings.csv", "mines.csv", "ports.csv", "zones.csv", "energy.csv"]
WEST, SOUTH, EAST, NORTH = 50, 14, 92, 46

TEXT = {"type": "string", "minLength": 1}
LICENCES = {
    "type": "array",
    "minItems": 1,
    "items": {"type": "object", "required": ["name"], "properties": {"name": TEXT, "path": TEXT}},
}
FIELD = {
    "type": "object",
    "required": ["name", "type", "description"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"},
        "type": {"enum": ["string", "number", "integer", "boolean"]},
        "description": TEXT,
        "constraints": {
            "type": "object",
            "properties": {
                "required": {"type": "boolean"},
                "unique": {"type": "boolean"},
                "enum": {"type": "array", "minItems": 1, "uniqueItems": True},
            },
            "additionalProperties": False,
        },
    },
    "additionalProperties": False,
}
FOREIGN_KEY = {
    "type": "object",
    "required": ["fields", "reference"],
    "properties": {
        "fields": TEXT,
        "reference": {
            "type": "object",
            "required": ["resource", "fields"],
            "properties": {"resource": TEXT, "fields": TEXT},
        },
    },
}
RESOURCE = {
    "type": "object",
    "required": ["name", "path", "title", "mediatype", "bytes", "hash", "licenses"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9][a-z0-9.-]*$"},
        "path": {"type": "string", "pattern": r"^(?!/)(?!.*\.\.)[\w./-]+$"},
        "title": TEXT,
        "mediatype": {"type": "string", "pattern": "^[a-z]+/[a-z0-9.+-]+$"},
        "bytes": {"type": "integer", "minimum": 1},
        "hash": {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"},
        "licenses": LICENCES,
        "schema": {
            "type": "object",
            "required": ["fields"],
            "properties": {
                "fields": {"type": "array", "minItems": 1, "items": FIELD},
                "primaryKey": TEXT,
                "foreignKeys": {"type": "array", "items": FOREIGN_KEY},
            },
        },
    },
    "if": {"properties": {"mediatype": {"const": "text/csv"}}},
    "then": {"required": ["schema", "encoding"]},
}
DESCRIPTOR = {
    "type": "object",
    "required": ["profile", "name", "title", "version", "licenses", "resources"],
    "properties": {
        "name": {"type": "string", "pattern": "^[a-z0-9._-]+$"},
        "title": TEXT,
        "version": {"type": "string", "pattern": r"^\d+\.\d+\.\d+"},
        "licenses": LICENCES,
        "resources": {"type": "array", "minItems": 1, "items": RESOURCE},
    },
}


def read(path):
    return pd.read_csv(DATA / path, dtype=str, keep_default_na=False, na_values=[""])


def row_schema(resource):
    """A pandera schema made from a Table Schema; all cells come in as text."""
    forms = {
        "number": pa.Check.str_matches(r"^-?\d+(\.\d+)?([eE]-?\d+)?$"),
        "integer": pa.Check.str_matches(r"^-?\d+$"),
        "boolean": pa.Check.isin(["true", "false"]),
        "string": pa.Check(lambda text: text == text.str.strip(), name="no space at the ends"),
    }
    columns = {}
    for field in resource["schema"]["fields"]:
        limits = field.get("constraints", {})
        checks = [forms[field["type"]]]
        if "enum" in limits:
            checks.append(pa.Check.isin(limits["enum"]))
        if field["name"] == "id":
            checks.append(pa.Check.str_matches(r"^[a-z0-9]+(-[a-z0-9]+)*$"))
        columns[field["name"]] = pa.Column(
            nullable=not limits.get("required", False),
            unique=limits.get("unique", False),
            checks=checks,
        )
    return pa.DataFrameSchema(columns, strict=True, ordered=True)


def test_descriptor_has_the_structure_of_a_data_package():
    jsonschema.Draft202012Validator.check_schema(DESCRIPTOR)
    jsonschema.validate(PACKAGE, DESCRIPTOR)


def test_every_file_is_listed_once():
    files = {str(p.relative_to(DATA)) for p in DATA.rglob("*") if p.is_file()}
    assert set(RESOURCES) == {f for f in files if Path(f).name not in ABOUT_THE_DATA}
    assert len(PACKAGE["resources"]) == len(RESOURCES)
    assert len({r["name"] for r in PACKAGE["resources"]}) == len(RESOURCES)


def test_sizes_are_the_stated_ones_and_small():
    assert {p: (DATA / p).stat().st_size for p in RESOURCES} == {
        p: r["bytes"] for p, r in RESOURCES.items()
    }
    assert sum(r["bytes"] for r in RESOURCES.values()) <= 12e6


@pytest.mark.parametrize("path", TABLES)
def test_rows_keep_their_schema(path):
    row_schema(RESOURCES[path]).validate(read(path), lazy=True)


@pytest.mark.parametrize("path", TABLES)
def test_foreign_keys_are_met_by_resources_of_the_package(path):
    names = {r["name"]: r["path"] for r in PACKAGE["resources"]}
    for key in RESOURCES[path]["schema"].get("foreignKeys", []):
        target = names[key["reference"]["resource"]]
        known = set(read(target)[key["reference"]["fields"]])
        assert set(read(path)[key["fields"]].dropna()) <= known


def test_status_and_basis_are_lists_wherever_they_stand():
    for path in TABLES:
        for field in RESOURCES[path]["schema"]["fields"]:
            if field["name"] in {"status", "basis"}:
                assert len(field["constraints"]["enum"]) >= 4


def test_lists_of_ids_name_rows_that_exist():
    """References that a Table Schema can't express."""
    sections = set(read("sections.csv")["id"])
    listed = read("corridors.csv")["sections"].str.split().explode()
    assert set(listed) <= sections
    points = pd.concat([read("stations.csv"), read("waypoints.csv")])
    parts = read("section_parts.csv")
    assert set(parts["trace"]) <= set(points["trace"])
    assert set(parts["from"].dropna()) | set(parts["to"].dropna()) <= set(points["id"])
    for layer, rows in read("projects.csv").groupby("layer"):
        assert set(rows["feature"]) <= set(read(f"{layer}.csv")["id"])
    sites = {name for path in SITES for name in read(path)["id"]}
    assert set(read("figures_sites.csv")["feature"].dropna()) <= sites


def test_points_of_a_trace_are_numbered_without_gaps():
    points = pd.concat([read("stations.csv"), read("waypoints.csv")])
    for trace, rows in points.groupby("trace"):
        order = sorted(rows["order"].astype(int))
        assert order == list(range(order[0], order[0] + len(rows))), trace


@pytest.mark.parametrize(
    "path",
    [path for path in TABLES if path != "section_parts.csv"],
)
def test_every_row_is_cited(path):
    table = read(path)
    assert table.loc[table["source"].isna()].index.tolist() == []
    assert not table["source"].str.match(r"(?i)not found|unknown|none\b|-$").any()


@pytest.mark.parametrize("path", [p for p in TABLES if {"lon", "lat"} <= set(read(p).columns)])
def test_positions_are_whole_and_in_the_region(path):
    table = read(path)
    assert (table["lon"].isna() == table["lat"].isna()).all()
    lon, lat = table["lon"].dropna().astype(float), table["lat"].dropna().astype(float)
    assert lon.between(WEST, EAST).all()
    assert lat.between(SOUTH, NORTH).all()


@pytest.mark.parametrize("path", [p for p in RESOURCES if p.endswith(".geojson")])
def test_geojson_stays_in_the_region(path):
    def corners(nested):
        if isinstance(nested[0], (int, float)):
            yield nested
            return
        for part in nested:
            yield from corners(part)

    collection = json.loads((DATA / path).read_text(encoding="utf-8"))
    ids = [f["properties"]["id"] for f in collection["features"]]
    assert len(ids) == len(set(ids)) > 0
    for feature in collection["features"]:
        for lon, lat in corners(feature["geometry"]["coordinates"]):
            assert WEST <= lon <= EAST
            assert SOUTH <= lat <= NORTH


@pytest.mark.parametrize("path", [p for p in TABLES if "basis" in set(read(p).columns)])
def test_basis_is_missing_only_without_a_position(path):
    table = read(path)
    bare = table["basis"].isna()
    if "lon" in table:
        assert table.loc[bare, "lon"].isna().all()
        return
    drawn = set(read("section_parts.csv")["section"])
    assert path == "sections.csv"
    assert set(table.loc[bare, "id"]) & drawn == set()


@pytest.mark.parametrize("path", [*SITES, "sections.csv", "stations.csv", "corridors.csv"])
def test_status_is_missing_only_where_a_note_says_why(path):
    table = read(path)
    unknown = table["status"].isna()
    if unknown.any():
        assert table.loc[unknown, "status_note"].notna().all()


def test_each_file_has_its_terms_told():
    told = (DATA / "LICENSES.md").read_text(encoding="utf-8")
    for path in RESOURCES:
        assert f"`{Path(path).name}`" in told, path
