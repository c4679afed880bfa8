"""Files of commands: options for files that state too little; standard output."""

import io
import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from click.testing import CliRunner

import cpecgeo as cg
from cpecgeo.cli import COMMANDS, app, inputs, list_options
from cpecgeo.errors import CoordinateError, DataWarning, FileError, InputError
from cpecgeo.files.reading import read

RUN = CliRunner()


def said(*arguments):
    """What a command prints; its error is raised here."""
    run = RUN.invoke(app, list(arguments), catch_exceptions=False)
    assert run.exit_code == 0, run.output
    return run.stdout


def test_a_dash_is_standard_output(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sites = Path("sites.csv")
    sites.write_text("name,lat,lon\nLahore,31.55,74.34\nQuetta,30.2,67.0\nNowhere,,\n")
    text = said("near", str(sites), "--to", "ml1", "-o", "-")
    said("near", str(sites), "--to", "ml1", "-o", "near.csv")
    assert text == Path("near.csv").read_text(encoding="utf-8")
    found = json.loads(said("convert", str(sites), "-o", "-.geojson"))
    assert [f["properties"]["name"] for f in found["features"]] == ["Lahore", "Quetta", "Nowhere"]
    ports = pd.read_csv(io.StringIO(said("export", "ports", "-o", "-")))
    assert len(ports) == len(cg.layer("ports"))
    for dash in ("-", "-.csv"):
        with pytest.raises(InputError, match="needs --out FILE"):
            said("near", str(sites), "--to", "ml1", "--stream", "-o", dash)
    assert {p.name for p in tmp_path.iterdir()} == {"sites.csv", "near.csv"}


def test_files_that_state_too_little_are_read_by_options(tmp_path):
    """The same two points in UTM, under names of their own, in a workbook of two sheets, shifted."""
    points = gpd.GeoSeries.from_xy([67.0, 74.34], [30.2, 31.55], crs=4326)
    metres = points.to_crs(32642)
    utm, plain = tmp_path / "utm.csv", tmp_path / "plain.csv"
    rows = {"id": [1, 2], "people": [5, 7]}
    pd.DataFrame(rows | {"a": metres.x, "b": metres.y}).to_csv(utm, index=False)
    pd.DataFrame(rows | {"lon": points.x, "lat": points.y}).to_csv(plain, index=False)
    stated = ("--lon", "a", "--lat", "b", "--crs", "EPSG:32642")
    said("convert", str(utm), *stated, "-o", str(tmp_path / "u.gpkg"))
    back = read(tmp_path / "u.gpkg")
    assert back.crs.to_epsg() == 32642
    assert back.to_crs(4326).geometry.geom_equals_exact(points, 1e-9).all()
    for before, after, column in (
        (("near",), ("--to", "ml1"), "distance_km"),
        (("within",), ("--of", "ml1", "--km", "900"), "distance_km"),
        (("locate", "ml1"), (), "offset_km"),
        (("density", "ml1"), ("--bin-km", "500"), "events"),
        (("exposure", "ml1", "--km", "50,900", "--value", "people", "--of"), (), "people"),
    ):
        got = [r[column] for r in json.loads(said(*before, str(utm), *stated, *after, "--json"))]
        want = [r[column] for r in json.loads(said(*before, str(plain), *after, "--json"))]
        assert got == pytest.approx(want, abs=1e-6), before
        assert any(got), before
    both = tmp_path / "two.gpkg"
    for layer, shapes in (("one", points.head(1)), ("both", points)):
        gpd.GeoDataFrame(geometry=shapes).to_file(both, layer=layer)
    for layer, count in (("one", 1), ("both", 2)):
        out = tmp_path / f"{layer}.csv"
        said("convert", str(both), "--layer", layer, "-o", str(out))
        assert len(pd.read_csv(out)) == count
    streamed = tmp_path / "s.csv"
    said("near", str(utm), *stated, "--to", "ml1", "--stream", "-o", str(streamed))
    want = [r["distance_km"] for r in json.loads(said("near", str(plain), "--to", "ml1", "--json"))]
    assert pd.read_csv(streamed)["distance_km"].tolist() == pytest.approx(want, abs=1e-6)


def test_what_is_converted_is_told_where_it_is_swapped_and_a_map_refuses_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sw.csv").write_text("name,lon,lat\na,25,67\nb,25.1,67.1\n")
    said_so = r"sw\.csv starts at \(25, 67\), .*"
    with pytest.warns(DataWarning, match=said_so + "lon='lat' and lat='lon'"):
        run = CliRunner().invoke(app, ["convert", "sw.csv", "-o", "o.gpkg"], catch_exceptions=False)
    assert run.exit_code == 0
    with pytest.raises(CoordinateError, match=said_so + "--lon lat and --lat lon"):
        CliRunner().invoke(app, ["map", "sw.csv", "-o", "o.html"], catch_exceptions=False)
    assert not (tmp_path / "o.html").exists()


def test_separators_of_thousands_have_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.csv").write_text("name;lon;lat;people\na;67,1;25,1;500.000\nb;67,2;25,2;1.200\n")
    asked = ["convert", "p.csv", "--thousands", "point", "-o", "o.parquet"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert cg.read("o.parquet")["people"].tolist() == [500_000, 1_200]


@pytest.mark.parametrize("verb", ["near", "stream"])
@pytest.mark.parametrize(
    ("header", "cell", "told"),
    [
        ("coords", '"24.86, 67.0"', "lat and lon, in this order, from the column coords"),
        ("location", "67.0 24.86", "lon and lat, in this order, from the column location"),
        ("Lat/Lon", '"24.86,67"', "lat and lon, in this order, from the column Lat/Lon"),
        ("gps", "24°51′36″N 67°E", "lat and lon, in this order, from the column gps"),
    ],
)
def test_a_column_of_both_coordinates_is_read(header, cell, told, verb, tmp_path):
    table, out = tmp_path / "a.csv", tmp_path / "o.csv"
    table.write_text(f"name,{header}\nA,{cell}\nB,\n", encoding="utf-8")
    more = ["--stream"] if verb == "stream" else []
    run = RUN.invoke(app, ["near", str(table), "--to", "ml1", "-o", str(out), *more])
    assert run.exit_code == 0
    assert run.stderr.count(told) == 1
    rows = pd.read_csv(out)
    want = cg.nearest(shapely.Point(67.0, 24.86), "ml1")["distance_km"].iloc[0]
    assert rows["distance_km"].iloc[0] == pytest.approx(want, abs=1e-9)
    assert pd.isna(rows["distance_km"].iloc[1])
    # Every cell of the file is as it was.
    assert [rows[header].iloc[0]] == [cell.strip('"')]


def test_an_order_that_nothing_says_is_refused_and_can_be_said(tmp_path):
    table, out = tmp_path / "a.csv", tmp_path / "o.csv"
    table.write_text('name,coords\nA,"24.86,67.0"\nB,"8.54,47.37"\n')
    for more in ([], ["--stream"]):
        command = ["near", str(table), "--to", "ml1", "-o", str(out), *more]
        told = RUN.invoke(app, command).exception
        assert "say so with --lat coords:1 and --lon coords:2" in str(told)
        said = RUN.invoke(app, [*command, "--lat", "coords:1", "--lon", "coords:2"])
        assert said.exit_code == 0
        assert pd.read_csv(out)["distance_km"].notna().all()
    # Where not all cells are pairs it is a column like any other.
    table.write_text('name,coords\nA,"24.86,67.00"\nB,near\n')
    with pytest.raises(InputError, match="no column of lon"):
        read(table)


def test_rows_without_positions_are_located_by_their_names(tmp_path):
    table, out = tmp_path / "names.csv", tmp_path / "o.csv"
    table.write_text("code,Town,jobs\n007,Multan,5\n008,Gwadar Port,7\n009,,1\n")
    run = RUN.invoke(app, ["near", str(table), "--to", "ml1", "-o", str(out)])
    assert run.exit_code == 0
    assert "positions are those of the names in the column 'Town'" in run.stderr
    assert "1 of 3 rows have no position" in run.stderr
    rows = pd.read_csv(out, dtype={"code": str})
    want = cg.nearest(pd.Series(["Multan", "Gwadar Port"]), "ml1")
    assert rows["distance_km"][:2].tolist() == pytest.approx(want["distance_km"].tolist())
    assert rows["point_accuracy_km"][:2].tolist() == want["point_accuracy_km"].tolist()
    assert rows["code"].tolist() == ["007", "008", "009"]
    # The same in Python, and for commands that take any feature.
    answer = cg.nearest(str(table), "ml1")
    assert answer["distance_km"].tolist() == pytest.approx(rows["distance_km"], nan_ok=True)
    assert RUN.invoke(app, ["distance", str(table), "ml1"]).exit_code == 0
    book = tmp_path / "names.xlsx"
    pd.DataFrame({"name": ["Multan"], "jobs": [5]}).to_excel(book, index=False)
    assert cg.nearest(str(book), "ml1")["distance_km"].iloc[0] == pytest.approx(
        rows["distance_km"][0]
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # One unknown name is told, with what to do.
        ("name\nMultan\nQuetta\nNoSuchTown\n", "these aren't known: 'NoSuchTown'. Give lon"),
        # Names of something else aren't looked up.
        ("name\nAcme Ltd\nGlobex\nMultan\n", "has no column of lon"),
        ("name,lat\nMultan,30.2\n", "has no column of lon"),
        ("name,x_m,y_m\nMultan,300000,3300000\n", "state their CRS with --crs"),
        ("firm\nMultan\n", "has no column of lon"),
    ],
)
def test_tables_that_lack_positions_and_known_names_are_refused(tmp_path, text, told):
    table = tmp_path / "names.csv"
    table.write_text(text)
    run = RUN.invoke(app, ["near", str(table), "--to", "ml1"])
    assert told in str(run.exception)


# Commands that take no file of features.
WITHOUT_FILES = {"catalog", "cite", "osm", "demo", "mcp"}


def test_every_command_that_takes_a_file_has_the_options_of_reading():
    stated = {*inputs.Reading.__annotations__}
    for name in COMMANDS:
        held = stated & {*list_options(app.get_command(None, name))}
        assert held == (set() if name in WITHOUT_FILES else stated), name


@pytest.mark.parametrize(
    "command",
    [
        "length line.csv",
        "show line.csv",
        "buffer line.csv --km 1 -o o.gpkg",
        "rings line.csv --km 1",
        "crossed line.csv",
        "profile line.csv --every-km 50",
        "report line.csv",
        "at line.csv 5",
        "locate line.csv mines",
        "density line.csv mines",
        "export line.csv -o o.gpkg",
        "exposure line.csv --km 5",
        "near mines --to line.csv",
        "within mines --of line.csv --km 5",
        "distance-table mines --group own=line.csv",
        "route Lahore Multan --mode road --extra line.csv",
        "treatment line.csv --years 2020,2021",
        "map ml1 --profile line.csv -o m.html",
        "map line.csv -o m.html",
    ],
)
def test_a_line_in_another_encoding_and_crs_is_read_by_every_command(
    command, tmp_path, monkeypatch
):
    """A line in metres and cp1252, which can't be read rightly without the options."""
    monkeypatch.chdir(tmp_path)
    line = gpd.GeoSeries([shapely.LineString([(73.0, 31.0), (73.2, 31.2)])], crs=4326)
    text = line.to_crs(32643).to_wkt().iloc[0]
    Path("line.csv").write_bytes(f'name,wkt\nStraße,"{text}"\n'.encode("cp1252"))
    with pytest.raises(FileError, match="not UTF-8"):
        RUN.invoke(app, command.split(), catch_exceptions=False)
    said(*command.split(), "--encoding", "cp1252", "--crs", "EPSG:32643")


def test_targets_bear_the_names_that_length_lists(tmp_path):
    """Names of one line, of several that join, and of the file where the lines have none."""
    lines = [shapely.LineString([(67, 25), (68, 25)]), shapely.LineString([(68, 25), (69, 25)])]
    points = tmp_path / "p.csv"
    points.write_text("id,lon,lat\na,67.5,25.1\nb,68.5,24.9\n")
    file = tmp_path / "mine.geojson"

    def names(rows):
        rows.to_file(file)
        found = json.loads(said("near", str(points), "--to", str(file), "--json"))
        listed = json.loads(said("length", str(file), "--json"))
        return (
            [(row["target"], row["side"]) for row in found],
            [row["name"] for row in listed],
            found,
        )

    sections = gpd.GeoDataFrame({"name": ["West", "East"]}, geometry=lines, crs=4326)
    near, listed, rows = names(sections)
    assert near == [("West", "left"), ("East", "right")]
    assert listed == ["West", "East"]
    # Chainage goes on from one to the next.
    whole = cg.Corridor.from_line(file, name="x")
    assert rows[1]["km"] == pytest.approx(whole.locate(shapely.Point(68.5, 24.9))["km"].iloc[0])
    assert names(sections.iloc[:1])[0][0] == ("West", "left")
    assert names(sections.iloc[:1])[1] == ["West"]
    assert names(sections.drop(columns="name"))[0][0] == ("mine", "left")
