"""What commands read and write: options for files that state too little, standard output."""

import io
import json
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from click.testing import CliRunner

import cpecgeo as cg
from cpecgeo.cli import app
from cpecgeo.errors import DataWarning, InputError
from cpecgeo.files.reading import read


def said(*arguments):
    """What a command prints; its error is raised here."""
    run = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
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


@pytest.mark.parametrize("command", ["convert sw.csv -o o.gpkg", "map sw.csv -o o.html"])
def test_what_is_converted_or_drawn_is_told_where_it_is_swapped(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sw.csv").write_text("name,lon,lat\na,25,67\nb,25.1,67.1\n")
    with pytest.warns(
        DataWarning, match=r"sw\.csv starts at \(25, 67\), .*lon='lat' and lat='lon'"
    ):
        run = CliRunner().invoke(app, command.split(), catch_exceptions=False)
    assert run.exit_code == 0


def test_separators_of_thousands_have_names(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.csv").write_text("name;lon;lat;people\na;67,1;25,1;500.000\nb;67,2;25,2;1.200\n")
    asked = ["convert", "p.csv", "--thousands", "point", "-o", "o.parquet"]
    assert CliRunner().invoke(app, asked).exit_code == 0
    assert cg.read("o.parquet")["people"].tolist() == [500_000, 1_200]
