"""Every command with what people type by mistake: one error, its exit code, nothing written."""

import pytest
from click.testing import CliRunner

import cpecgeo as cg
from cpecgeo import errors
from cpecgeo.cli import app
from tests.shell import commands

from .files import TABLE

RUN = CliRunner()
USAGE = "usage"
NAME, INPUT, FILE, TYPE, CRS, COORD = (
    "UnknownNameError", "InputError", "FileError", "InputTypeError", "CRSError", "CoordinateError",
)  # fmt: skip

# The words after `cpecgeo`, and the error; good.csv exists, no.csv doesn't.
COMMANDS = {
    "catalog": [("--nonsense", USAGE), ("extra", USAGE)],
    "show": [("", USAGE), ("zzzz", NAME), ("../../etc/passwd", NAME), ("ml1 kkh", USAGE)],
    "length": [("", USAGE), ("zzzz", NAME), ("ml1,zzzz", NAME), ("no.csv", FILE)],
    "cite": [("zzzz", NAME), ("a b", USAGE)],
    "export": [
        ("ml1", USAGE), ("zzzz -o o.csv", NAME), ("ml1 -o o.docx", INPUT), ("ml1 -o no/o.csv", FILE),
        ("ml1 --part wheels -o o.csv", USAGE), ("ml1 --part all -o o.csv", INPUT),
        ("figures -o o.kml", INPUT), ("ml1 -o o", INPUT),
    ],
    "map": [
        ("ml1", USAGE), ("zzzz -o o.html", NAME), ("ml1 -o o.docx", INPUT), ("ml1 -o no/o.html", FILE),
        ("no.csv -o o.html", FILE), ("ml1 --tiles zzzz -o o.html", INPUT), ("bad.csv -o o.html", COORD),
    ],
    "report": [
        ("", USAGE), ("zzzz", NAME), ("taxila-havelian -o o.docx", INPUT),
        ("taxila-havelian -o no/o.md", FILE), ("good.csv", None), ("taxila-havelian zzzz", NAME),
    ],
    "convert": [
        ("good.csv", USAGE), ("no.csv -o o.gpkg", FILE), ("good.csv -o o.docx", INPUT),
        ("good.csv -o no/o.gpkg", FILE), ("good.docx -o o.csv", NAME), ("zzzz -o o.csv", NAME),
        ("latin.csv -o o.gpkg", FILE), ("cut.gpkg -o o.csv", FILE), ("bare.parquet -o o.csv", CRS),
        ("bad.csv -o o.kml", COORD),
    ],
    "gain": [
        ("Gwadar", USAGE), ("Gwadar Quetta --extra no.geojson", FILE),
        ("Gwadar Quetta --extra good.csv", "GeometryError"),
    ],
    "distance": [
        ("Gwadar", USAGE), ("Gwadar zzzz", NAME), ("Gwadar no.csv", FILE), ("mines zones", INPUT),
        ("Gwadar bad.csv", COORD), ("Gwadar Quetta --lon x", INPUT), ("Gwadar Quetta -o o.docx", INPUT),
    ],
    "distance-table": [
        ("good.csv", USAGE), ("no.csv --group a=ml1", FILE), ("good.csv --group a=zzzz", NAME),
        ("good.csv --group ml1", INPUT), ("swapped.csv --group a=ml1", COORD),
    ],
    "treatment": [
        ("m4", USAGE), ("zzzz --years 2010-2012", NAME), ("m4 --years soon", INPUT),
        ("m4 --years 2010-2012 --zones zzzz", NAME),
    ],
    "neighbours": [("zzzz", NAME), ("provinces extra", USAGE)],
    "mcp": [("-o good.csv/x", FILE), ("extra", USAGE)],
    "demo": [("-o good.csv/x", FILE), ("extra", USAGE)],
    "near": [
        ("good.csv", USAGE), ("no.csv --to ml1", FILE), ("good.csv --to zzzz", NAME),
        ("good.csv --to no.gpkg", FILE), ("good.csv --to ml1,no.gpkg", FILE), ("zzzz --to ml1", NAME),
        ("good.csv --to ml1 -k 0", INPUT), ("good.csv --to ml1 -k x", USAGE),
        ("good.csv --to ml1 --within -1", INPUT), ("good.csv --to ml1 --within x", USAGE),
        ("good.csv --to ml1 --max-km nan", INPUT), ("good.csv --to ml1 --lon east", INPUT),
        ("good.csv --to ml1 --lon lon", None), ("good.csv --to ml1 -o o.docx", INPUT),
        ("good.csv --to ml1 -o no/o.csv", FILE), ("good.csv --to ml1 --stream", INPUT),
        ("good.csv --to ml1 --resume", INPUT), ("good.csv --to ml1 --stream -o o.kml", INPUT),
        ("good.csv --to ml1 --stream -o good.csv", INPUT), ("no.csv --to ml1 --stream -o o.csv", FILE),
        ("swapped.csv --to ml1", COORD), ("bad.csv --to ml1", COORD), ("latin.csv --to ml1", FILE),
        ("cut.gpkg --to ml1", FILE), ("bare.parquet --to ml1", CRS),
        ("two.gpkg --to ml1", INPUT), ("two.gpkg --to ml1 --layer c", INPUT), (". --to ml1", INPUT),
        ("bad.csv --to ml1 --stream -o o.csv", COORD), ("cut.gpkg --to ml1 --stream -o o.csv", FILE),
        ("two.gpkg --to ml1 --layer c --stream -o o.csv", NAME), ("corridors --to ml1", "GeometryError"),
        ("http://127.0.0.1/a.csv --to ml1", FILE),
    ],
    "within": [
        ("good.csv --of ml1", USAGE), ("good.csv --km 5", USAGE), ("good.csv --of zzzz --km 5", NAME),
        ("good.csv --of ml1 --km ten", INPUT), ("good.csv --of ml1 --km -5", INPUT),
        ("good.csv --of ml1 --km 5,10", INPUT), ("no.csv --of ml1 --km 5", FILE),
        ("bad.csv --of ml1 --km 5", COORD), ("good.csv --of ml1 --km 5 --stream", INPUT),
        ("good.csv --of ml1 --km nan --stream -o o.csv", INPUT), ("good.csv --of ml1 --km inf", INPUT),
        ("cut.gpkg --of ml1 --km 5 --stream -o o.csv", FILE), ("good.csv --of ml1 --km 5 -o o.x", INPUT),
    ],
    "rings": [
        ("", USAGE), ("zzzz", NAME), ("ml1 --km ten", INPUT), ("ml1 --km 5,2", INPUT),
        ("ml1 --km -1", INPUT), ("ml1 --km 0", INPUT), ("no.csv", FILE), ("bad.csv", COORD),
        ("Lahore --km 5 -o o.docx", INPUT), ("Lahore --km ,", INPUT), ("Lahore --km nan", INPUT),
    ],
    "buffer": [
        ("ml1", USAGE), ("zzzz --km 5 -o o.csv", NAME), ("ml1 --km ten -o o.csv", INPUT),
        ("ml1 --km -3 -o o.csv", "GeometryError"), ("ml1 --km 0 -o o.csv", INPUT), ("ml1 --km 5,6 -o o.csv", INPUT),
        ("ml1 --km 1e9 -o o.csv", INPUT), ("Lahore --km 5 -o no/o.csv", FILE), ("no.csv --km 5 -o o.csv", FILE),
        ("Lahore --km 5 -o o.gpx", INPUT),
    ],
    "crossed": [
        ("", USAGE), ("zzzz", NAME), ("ml1 --zones zzzz", NAME), ("ml1 --zones no.gpkg", FILE),
        ("good.csv", "GeometryError"), ("taxila-havelian -o o.docx", INPUT),
        ("taxila-havelian --zones ports", "GeometryError"),
    ],
    "exposure": [
        ("", USAGE), ("zzzz", NAME), ("ml1 --km ten", INPUT), ("ml1 --km 5,2", INPUT),
        ("Lahore --of zzzz", NAME), ("Lahore --of no.csv", FILE), ("Lahore --value zzzz", NAME),
        ("Lahore --by zzzz", NAME), ("Lahore --of good.csv --stream", INPUT),
        ("Lahore --of good.csv --stream --value zzzz -o o.csv", NAME), ("Lahore --of bad.csv --value id", COORD),
        ("Lahore --of good.csv --stream --value id -o folder", INPUT),
    ],
    "density": [
        ("ml1", USAGE), ("zzzz good.csv", NAME), ("ml1 no.csv", FILE), ("ml1 bad.csv", COORD),
        ("ml1 good.csv --bin-km 0", INPUT), ("ml1 good.csv --bin-km x", USAGE),
        ("ml1 good.csv --by wheels", USAGE), ("ml1 good.csv --max-km -1", INPUT),
    ],
    "profile": [
        ("", USAGE), ("zzzz", NAME), ("ml1 --every-km 0", INPUT), ("ml1 --every-km -1", INPUT),
        ("ml1 --every-km 1e-9", INPUT), ("ml1 --dem no.tif", FILE), ("taxila-havelian --dem good.csv", FILE),
        ("taxila-havelian -o o.docx", INPUT),
    ],
    "locate": [
        ("ml1", USAGE), ("zzzz good.csv", NAME), ("ml1 no.csv", FILE), ("ml1 bad.csv", COORD),
        ("ml1 swapped.csv", COORD), ("ml1 good.csv --lat north", INPUT), ("ml1 corridors", "GeometryError"),
    ],
    "at": [
        ("ml1", USAGE), ("zzzz 5", NAME), ("kkh 99999", INPUT), ("kkh zzzz", NAME), ("kkh nan", NAME),
    ],
    "route": [
        ("Lahore", USAGE), ("Lahore zzzz", NAME), ("Lahore Multan --mode air", USAGE),
        ("Lahore Multan --weight beauty", USAGE), ("Lahore Multan --status zzzz", NAME),
        ("Lahore Multan --avoid zzzz", NAME), ("Lahore Multan --year x", USAGE),
        ("Lahore Multan --season monsoon", NAME), ("Lahore Multan -k 0", INPUT),
        ("Lahore Multan -k -1", INPUT), ("Lahore Multan -o o.docx", INPUT), ("Lahore Lahore", None),
    ],
    "reach": [
        ("", USAGE), ("zzzz --km 5", NAME), ("Lahore", INPUT), ("Lahore --km 5 --hours 1", INPUT),
        ("Lahore --km -5", INPUT), ("Lahore --hours nan", INPUT), ("Lahore --km x", USAGE),
        ("Lahore --km 5 -o o.docx", INPUT),
    ],
    "matrix": [
        ("", USAGE), ("zzzz Lahore", NAME), ("Lahore Multan --mode air", USAGE),
        ("Lahore Multan --weight beauty", USAGE), ("Lahore Multan -o o.kml", INPUT),
    ],
    "closures": [("zzzz", NAME), ("Lahore zzzz", NAME), ("Lahore Multan --mode air", USAGE)],
    "osm refresh": [
        ("", USAGE), ("zzzz", NAME), ("taxila-havelian --file no.osm.pbf", FILE),
        ("taxila-havelian --file good.csv", FILE), ("taxila-havelian --file .", FILE),
        ("ml1 --all", USAGE), ("--all --file no.osm.pbf", FILE), ("districts --file good.csv", FILE),
    ],
    "osm cache": [("extra", USAGE)],
    "osm deviation": [("", USAGE), ("zzzz", NAME), ("taxila-havelian", "*"), ("ml1 --every-km x", USAGE)],
}  # fmt: skip
CASES = [
    pytest.param(command, rest, error, id=f"{command} {rest}".strip())
    for command, cases in COMMANDS.items()
    for rest, error in cases
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with the good and bad files that the table names."""
    home = tmp_path_factory.mktemp("typed")
    TABLE.to_csv(home / "good.csv", index=False)
    texts = {
        "bad": "id,lon,lat\n1,67,95\n", "swapped": "id,lon,lat\n1,25,67\n",
        "commas": "id;lon;lat\n1;67,5;25,5\n",
    }  # fmt: skip
    for name, text in texts.items():
        (home / f"{name}.csv").write_text(text)
    (home / "latin.csv").write_bytes("id,lon,lat\nKöln,67,25\n".encode("latin-1"))
    ports = cg.layer("ports")[["id", "geometry"]]
    ports.to_file(home / "whole.gpkg")
    (home / "cut.gpkg").write_bytes((home / "whole.gpkg").read_bytes()[:20_000])
    (home / "whole.gpkg").unlink()
    for name in ("a", "b"):
        ports.to_file(home / "two.gpkg", layer=name)
    ports.set_crs(None, allow_override=True).to_parquet(home / "bare.parquet")
    return home


@pytest.mark.parametrize(("command", "rest", "error"), CASES)
def test_one_error(command, rest, error, folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CPECGEO_CACHE", str(folder / "cache"))
    before = sorted(p.name for p in folder.iterdir())
    run = RUN.invoke(app, [*command.split(), *rest.split()])
    assert sorted(p.name for p in folder.iterdir()) == before
    if error is None:
        assert run.exit_code == 0
        return
    if error == USAGE:
        assert run.exit_code == 2
        return
    assert run.exit_code == 1
    kind = errors.CpecgeoError if error == "*" else getattr(errors, error)
    assert type(run.exception) is kind or error == "*", repr(run.exception)
    assert isinstance(run.exception, errors.CpecgeoError)
    assert 10 < len(str(run.exception)) < 600


def test_every_command_is_here():
    assert set(COMMANDS) == set(dict(commands()))
