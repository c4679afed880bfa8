"""Both coordinates in one cell give the same answer or error in memory, as streams and on Dask."""

import dask.dataframe as dd
import pandas as pd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

import cpecgeo as cg
from cpecgeo import scale
from cpecgeo.errors import CoordinateError, InputError
from cpecgeo.files.notations import split_pairs
from cpecgeo.files.positions import order_by_name, order_by_values

lats = st.floats(21, 44).map(lambda v: round(v, 6))
lons = st.floats(56, 89).map(lambda v: round(v, 6))
betweens = st.sampled_from([", ", ",", "; ", ";", " / ", "|", " ", "  "])


@given(lats, lons, betweens, st.sampled_from(["{}", "({})", "[{}]", " {} "]))
def test_two_numbers_are_split_as_they_were_joined(lat, lon, between, around):
    (pair,) = split_pairs(pd.Series([around.format(f"{lat!r}{between}{lon!r}")]))
    assert [float(half) for half in pair] == [lat, lon]


@given(lats, lons, st.sampled_from(["; ", ", ", " "]))
def test_decimal_commas_are_split_where_it_can_be_told(lat, lon, between):
    a, b = repr(lat).replace(".", ","), repr(lon).replace(".", ",")
    assert split_pairs(pd.Series([f"{a}{between}{b}"])) == [(a, b)]


@given(st.lists(st.tuples(lats, lons), min_size=1, max_size=5), st.booleans())
def test_rows_of_the_region_show_their_order_and_mixed_ones_none(points, turned):
    texts = pd.Series([f"{b}, {a}" if turned else f"{a}, {b}" for a, b in points])
    assert order_by_values(texts) == ("lon" if turned else "lat")
    one = pd.Series([f"{points[0][1]} {points[0][0]}"] if not turned else ["30.1 70.2"])
    assert order_by_values(pd.concat([texts, one])) is None
    assert order_by_values(pd.concat([texts, pd.Series(["8.5, 47.4"])])) is None
    # Missing values decide nothing.
    assert order_by_values(pd.concat([texts, pd.Series(["", None, "NA"])])) == order_by_values(
        texts
    )


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("lat,lon", "lat"),
        ("Lat/Lon", "lat"),
        ("Latitude, Longitude", "lat"),
        ("coordinates (lat, lon)", "lat"),
        ("LatLng", "lat"),
        ("Lon/Lat", "lon"),
        ("lonlat", "lon"),
        ("xy", "lon"),
        ("y x", "lat"),
        ("纬度,经度", "lat"),
        ("flat long", None),
        ("location", None),
        ("geo_point_2d", None),
    ],
)
def test_what_a_name_says(name, first):
    assert order_by_name(name) == first


def by_every_door(table, tmp_path, **how):
    """Return lon, lat and distance of the first row, or the error, from each door."""
    path = tmp_path / "a.csv"
    table.to_csv(path, index=False)

    def memory():
        rows = cg.read(path, **how)
        return rows.geometry.iloc[0].coords[0], cg.nearest(rows, "ml1")["distance_km"].iloc[0]

    def frame():
        if how:
            return memory()
        return memory()[0], cg.nearest(table, "ml1")["distance_km"].iloc[0]

    def stream():
        out = tmp_path / "o.parquet"
        scale.nearest_file(path, out, targets="ml1", batch_rows=2, **how)
        rows = cg.read(out)
        return rows.geometry.iloc[0].coords[0], rows["distance_km"].iloc[0]

    def lazy():
        held = dd.from_pandas(table, npartitions=1)
        answer = scale.nearest(held, "ml1", **how).compute()
        return memory()[0], answer["distance_km"].iloc[0]

    for door in (memory, frame, stream, lazy):
        try:
            yield door()
        except InputError as error:
            yield type(error)


GOOD = {
    "a name that says it": ("Lat/Lon", ["24.9, 67.0", "8.5, 47.4"], {}),
    "rows that show it": ("location", ["67.0;24.9", "71.5;34.1", "70;30"], {}),
    "letters": ("gps", ["24°54′N 67°E", "47.4N 8.5E"], {}),
    "a statement": ("coords", ["24.9 67.0", "8.5 47.4"], {"lat": "coords:1", "lon": "coords:2"}),
}


@pytest.mark.parametrize("kind", GOOD)
def test_every_door_reads_the_same(kind, tmp_path):
    name, cells, how = GOOD[kind]
    table = pd.DataFrame({"id": range(len(cells)), name: cells})
    want = cg.distance_km(shapely.Point(67.0, 24.9), "ml1")
    for xy, km in by_every_door(table, tmp_path, **how):
        assert xy == pytest.approx((67.0, 24.9), abs=1e-12)
        assert km == pytest.approx(want, abs=1e-9)


BAD = {
    "an order that nothing says": ["8.5, 47.4", "9.1, 46.2"],
    "rows of both orders": ["24.9, 67.0", "67.0, 24.9"],
    "one row outside": ["24.9, 67.0", "24.8, 67.1", "8.5, 47.4"],
}


@pytest.mark.parametrize("kind", BAD)
def test_every_door_refuses_what_is_undecided(kind, tmp_path):
    table = pd.DataFrame({"id": range(len(BAD[kind])), "location": BAD[kind]})
    assert [*by_every_door(table, tmp_path)] == [CoordinateError] * 4


def test_what_is_no_pair_is_an_error_in_its_row(tmp_path):
    cells = ["24.9, 67.0"] * 150 + ["near the bridge"]
    table = pd.DataFrame({"id": range(151), "location": cells})
    assert [*by_every_door(table, tmp_path)] == [InputError] * 4
    with pytest.raises(InputError, match="'near the bridge' in row 151 is no position"):
        cg.read(tmp_path / "a.csv")


def test_two_such_columns_are_named(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text('coords,position\n"24.9, 67.0","24.9, 67.0"\n')
    told = r"more than one column: 'coords', 'position'\. Name one .* with lat=\"coords:1\""
    with pytest.raises(CoordinateError, match=told):
        cg.read(path)
    # The column whose name says the order is taken.
    path.write_text('coords,lonlat\n"24.9, 67.0","67.1 24.9"\n')
    assert cg.read(path).geometry.iloc[0].x == 67.1


def test_what_is_read_from_a_pair_is_written_as_it_was(tmp_path):
    path, again = tmp_path / "a.csv", tmp_path / "b.csv"
    path.write_text('id,location\n007,"(24.90, 67.0)"\n008,\n')
    cg.write(cg.read(path), again)
    assert again.read_text() == path.read_text()


def test_a_frame_that_says_no_order_is_told_how_to(tmp_path):
    table = pd.DataFrame({"location": ["8.5, 47.4"]})
    with pytest.raises(CoordinateError, match=r"both coordinates in the column 'location'"):
        cg.nearest(table, "ml1")
