"""Messages cut long quotations and long lists of names."""

import json
import re

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import Point, Polygon

import cpecgeo as cg
from cpecgeo.analysis.rail import running_times
from cpecgeo.errors import CpecgeoError, CpecgeoWarning, DataWarning, InputError
from cpecgeo.features.alignment import join
from cpecgeo.files import notations, positions
from cpecgeo.files.formats import choose_layer
from cpecgeo.files.numbers import say_odd
from cpecgeo.geodesy._rules import numbers
from cpecgeo.scale import nearest_file

LONG = "z" * 300
HEAD = "name,lon,lat\na,67,25\n"


def table(path, text=HEAD):
    path.write_text(text, encoding="utf-8")
    return path


def utm(folder):
    return table(folder / "a.csv", f"x{LONG},y{LONG}\n300000,2750000\n")


def geojson(folder, **members):
    held = {"type": "FeatureCollection", "features": [], **members}
    return table(folder / "a.geojson", json.dumps(held))


CUT = {
    "a number": (40, lambda _: numbers(LONG, "km")),
    "a distance": (40, lambda _: cg.within("mines", "ml1", LONG)),
    "the farthest": (40, lambda _: cg.nearest("Multan", "ml1", max_km=LONG)),
    "a radius": (40, lambda _: cg.buffer("ml1", LONG)),
    "radii": (40, lambda _: cg.rings("ml1", [LONG])),
    "a limit": (40, lambda _: cg.reach("Gwadar", km=LONG)),
    "a number of hours": (40, lambda _: cg.reach("Gwadar", hours=[LONG])),
    "parts of a corridor": (60, lambda _: join(LONG)),
    "a thing of a wrong type": (60 - len("['"), lambda _: cg.length_km({LONG: 1})),
    "what is written": (60 - len("{'"), lambda f: cg.write({LONG}, f / "a.csv")),
    "a CRS": (60, lambda f: cg.read(table(f / "a.csv"), crs=LONG)),
    "an encoding": (40, lambda f: cg.read(table(f / "a.csv"), encoding=LONG)),
    "a separator": (20, lambda f: cg.read(table(f / "a.csv"), thousands=LONG)),
    "an address": (80 - len("http://"), lambda _: cg.read(f"http://{LONG}.csv")),
    "a path": (60 - len("\0"), lambda _: cg.read(f"\0{LONG}.csv")),
    "a column twice": (40, lambda f: cg.read(table(f / "a.csv", f"{LONG},{LONG}\n1,2\n"))),
    "columns in metres": (40 - len("x"), lambda f: cg.read(utm(f))),
    "the CRS of a file": (
        60,
        lambda f: cg.read(geojson(f, crs={"type": "name", "properties": {"name": LONG}})),
    ),
    "the CRS of a cell": (
        60,
        lambda f: cg.read(
            pd.DataFrame(
                {"geometry": [json.dumps({"type": "Point", "coordinates": [1, 2], "crs": LONG})]}
            ).to_csv(f / "a.csv")
            or f / "a.csv"
        ),
    ),
    "a geometry": (40, lambda f: cg.read(table(f / "a.csv", f"wkt\nPOINT (67 25)\n{LONG}\n"))),
    "a number in a stream": (
        40,
        lambda f: nearest_file(
            table(f / "a.csv", f"{HEAD}b,{LONG},25\n"), f / "o.csv", targets="ml1"
        ),
    ),
    "stops": (40, lambda _: running_times("ml1", stops=LONG)),
}  # fmt: skip


@pytest.mark.parametrize("case", CUT)
def test_a_long_value_is_quoted_in_part(case, tmp_path):
    most, call = CUT[case]
    with pytest.raises(CpecgeoError) as caught:
        call(tmp_path)
    assert len(re.search("z+", str(caught.value))[0]) == most


def test_many_radii_are_quoted_in_part():
    with pytest.raises(InputError, match=r"^km is \[9(, 8){19},; give ascending radii"):
        cg.rings("ml1", [9, *[8] * 300])


def test_values_in_sentences_are_quoted_in_part():
    assert f" {'z' * 40!r} in row 3" in say_odd("a.csv", 1, LONG, 3)
    told = str(positions.order_error(LONG, pd.Series(["", LONG]), "a.csv"))
    assert told.startswith(
        f"a.csv has both coordinates in the column {'z' * 40!r}, such as {'z' * 40!r}, and"
    )


def test_up_to_twelve_columns_are_shown():
    names = [f"{'z' * 39}{i:02}" for i in range(13)]
    shown = [repr(name[:40]) for name in names]
    assert notations._show_columns(names[:12]) == ", ".join(shown[:12])
    assert notations._show_columns(names) == ", ".join(shown[:12]) + " …"


GOOD = Polygon([(67, 25), (68, 26), (67, 26)])
BOW = Polygon([(67, 25), (68, 26), (67, 26), (68, 25)])


@pytest.mark.parametrize(
    ("good", "bad", "told"),
    [
        (Point(67, 25), None, "has 7 missing or empty geometries (index {});"),
        (Point(67, 25), GOOD, "has Polygon (index {});"),
        (GOOD, BOW, "has 7 invalid polygons (index {})"),
    ],
)
def test_the_first_five_rows_are_named(good, bad, told):
    rows = [f"r{i}" for i in range(9)]
    shapes = gpd.GeoSeries([good, *[bad] * 7, good], index=rows, crs=4326)
    measure = {None: cg.geodesy.Index, GOOD: cg.geodesy.Index(GOOD).nearest}.get(
        bad, cg.geodesy.area_km2
    )
    # A warning says what is mended; warnings are errors in tests.
    with pytest.raises((CpecgeoError, CpecgeoWarning)) as caught:
        measure(shapes)
    assert told.format(rows[1:6]) in str(caught.value)


@pytest.mark.parametrize(("count", "more"), [(8, ""), (9, " and 1 more"), (20, " and 12 more")])
def test_up_to_eight_members_of_a_file_are_told(count, more, tmp_path):
    members = {f"{'z' * 38}{i:03}": 1 for i in range(count)}
    point = {"type": "Point", "coordinates": [67, 25]}
    feature = {"type": "Feature", "properties": {"n": 1}, "geometry": point}
    path = geojson(tmp_path, features=[feature], **members)
    shown = ", ".join(f"{name[:40]!r} of the file" for name in list(members)[:8])
    with pytest.warns(DataWarning, match=f"are left out: {shown}{more}\\. Inside"):
        cg.read(path)
    path = geojson(tmp_path, features=[feature | members, feature | members])
    shown = ", ".join(f"{name[:40]!r} of 2 features" for name in list(members)[:8])
    with pytest.warns(DataWarning, match=f"are left out: {shown}{more}\\. Inside"):
        cg.read(path)
    path = geojson(tmp_path, features=[feature | members, feature])
    with pytest.warns(DataWarning, match=r"of 1 feature[,. ]"):
        cg.read(path)


def test_up_to_eight_layers_are_named(tmp_path):
    points = gpd.GeoDataFrame({"n": [1]}, geometry=[Point(67, 25)], crs=4326)
    names = [f"layer{i:02}" for i in range(10)]
    for name in names:
        points.to_file(tmp_path / "a.gpkg", layer=name)
    named = f"10 layers, {', '.join(names[:8])} and 2 more; choose"
    with pytest.raises(CpecgeoError, match=named):
        nearest_file(tmp_path / "a.gpkg", tmp_path / "o.csv", targets="ml1")
    with pytest.raises(CpecgeoError, match=named):
        cg.read(tmp_path / "a.gpkg")


def test_a_misspelt_layer_is_found_among_many():
    names = [*(f"sheet {i}" for i in range(1_500)), "Roads", "railways", "roads, old"]
    told = {
        "raods": "'raods'. Did you mean 'Roads'? It has Roads, sheet 0, sheet 1, sheet 2, sheet 3,"
        " sheet 4, sheet 5, sheet 6 and 1,495 more.",
        "roads,": "'roads,'. Did you mean 'roads, old', 'Roads'? It has roads, old, Roads, sheet 0,"
        " sheet 1, sheet 2, sheet 3, sheet 4, sheet 5 and 1,495 more.",
        "x": "'x'. It has sheet 0, sheet 1, sheet 2, sheet 3, sheet 4, sheet 5, sheet 6, sheet 7"
        " and 1,495 more.",
    }
    for stated, says in told.items():
        with pytest.raises(InputError) as caught:
            choose_layer(names, stated, "a.xlsx")
        assert str(caught.value) == f"a.xlsx has no layer {says}"
    assert choose_layer(names, "railways", "a.xlsx") == "railways"
    with pytest.raises(InputError, match=r"no layer 'x'\. It has a, b\.$"):
        choose_layer(["a", "b"], "x", "a.xlsx")


def test_a_misspelt_layer_of_a_file_is_answered_with_near_names(tmp_path):
    points = gpd.GeoDataFrame({"n": [1]}, geometry=[Point(67, 25)], crs=4326)
    for name in (*(f"l{i}" for i in range(9)), "railways"):
        points.to_file(tmp_path / "a.gpkg", layer=name)
    with pytest.raises(InputError, match=r"Did you mean 'railways'\? It has railways, l0, l1"):
        cg.read(tmp_path / "a.gpkg", layer="railway")


def test_up_to_eight_columns_of_bytes_are_named(tmp_path):
    columns = {f"b{i:02}": [b"1", b"2"] for i in range(10)}
    frame = gpd.GeoDataFrame(columns, geometry=[Point(67, 25), Point(68, 25)], crs=4326)
    frame.to_parquet(tmp_path / "a.parquet")
    shown = ", ".join(map(repr, list(columns)[:8]))
    with pytest.warns(DataWarning, match=f"has bytes in {shown}, which CSV can't"):
        nearest_file(tmp_path / "a.parquet", tmp_path / "o.csv", targets="ml1")


@pytest.mark.parametrize(
    ("places", "title"),
    [
        (["Gwadar Port"], "Gwadar Port"),
        (["Gwadar Port", "Karachi", "Lahore"], "Gwadar Port, Karachi, Lahore"),
        (["Gwadar Port", "Karachi", "Lahore", "Multan"], "Gwadar Port, Karachi, Lahore and 1 more"),
    ],
)
def test_up_to_three_origins_are_in_the_title_of_a_catchment(places, title):
    assert cg.reach(places, km=50).title == f"Within 50 km of {title}"


def test_a_column_that_is_a_number_of_km_is_quoted_whole_where_it_is_short():
    assert say_odd("a.csv", 2, np.float64(-1.0), 3).startswith(
        "a.csv has 2 values of accuracy_km that are no numbers of km, such as '-1.0' in row 3"
    )
