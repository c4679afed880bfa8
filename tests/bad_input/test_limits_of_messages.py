"""What a message says on either side of each of its limits."""

import pytest

from cpecgeo.errors import CoordinateError, CpecgeoWarning, UnknownNameError

METRES = 'if these are metres, state their CRS, such as crs="EPSG:32642".'
DEGREES = 'give lon, lat degrees on WGS 84, or state their CRS, such as crs="EPSG:32642".'
SWAPPED = "lon and lat seem to be swapped: x is longitude, y is latitude."


@pytest.mark.parametrize(
    ("lonlat", "told", "repair"),
    [
        ((67, 90.5), "latitude 90.5 in row 1; it must be within ±90°", SWAPPED),
        ((90, 180), "latitude 180 in row 1; it must be within ±90°", SWAPPED),
        ((90, -180), "latitude -180 in row 1; it must be within ±90°", SWAPPED),
        ((-90, 91), "latitude 91 in row 1; it must be within ±90°", SWAPPED),
        # Swapped they would be out of range as well.
        ((91, 100), "latitude 100 in row 1; it must be within ±90°", DEGREES),
        ((67, 181), "latitude 181 in row 1; it must be within ±90°", DEGREES),
        ((200, 90), "longitude 200 in row 1; it must be within ±180°", DEGREES),
        ((181, -90), "longitude 181 in row 1; it must be within ±180°", DEGREES),
        ((1000, 25), "longitude 1000 in row 1; it must be within ±180°", DEGREES),
        ((-1000, 25), "longitude -1000 in row 1; it must be within ±180°", DEGREES),
        ((1001, 25), "longitude 1001 in row 1; it must be within ±180°", METRES),
        ((-1001, 25), "longitude -1001 in row 1; it must be within ±180°", METRES),
        ((67, 1001), "latitude 1001 in row 1; it must be within ±90°", METRES),
        ((67, -1000), "latitude -1000 in row 1; it must be within ±90°", DEGREES),
    ],
)
def test_degrees_out_of_range_get_the_advice_that_fits(lonlat, told, repair):
    def error(**how):
        return CoordinateError.out_of_range("a.csv", lonlat, 0, where="in row 1", **how)

    assert str(error(is_swapped=True)) == f"a.csv has {told}; {repair}"
    assert error(is_swapped=True).row == 0
    assert error(is_swapped=True).lonlat == lonlat
    # A file whose columns are named isn't swapped.
    other = DEGREES if repair == SWAPPED else repair
    assert str(error(is_swapped=False)) == f"a.csv has {told}; {other}"
    plain = "" if other == DEGREES else f"; {METRES[:-1]}"
    assert str(error(is_swapped=False, repair="")) == f"a.csv has {told}{plain}."


@pytest.mark.parametrize(
    "lonlat", [(float("nan"), 25.0), (67.0, float("inf")), (67.0, float("nan"))]
)
def test_a_coordinate_that_is_no_number(lonlat):
    error = CoordinateError.out_of_range("a.csv", lonlat, 3, where="in row 4", is_swapped=True)
    assert str(error) == (
        "a.csv has a coordinate that is NaN or infinite in row 4; drop it, or check the CRS that "
        "it came from."
    )
    assert error.row == 3


@pytest.mark.parametrize(("count", "more"), [(1, ""), (40, ""), (41, ", …"), (100, ", …")])
def test_up_to_forty_columns_are_listed(count, more):
    columns = [f"c{i:03}" for i in range(count)]
    told = str(UnknownNameError.of_column("zzzz", columns, of="a.csv"))
    assert told == f"No column named 'zzzz' for a.csv. Columns: {', '.join(columns[:40])}{more}."


@pytest.mark.parametrize(("letters", "shown"), [(78, 78), (79, 69), (500, 69)])
def test_a_long_name_is_cut(letters, shown):
    """A name of up to 80 characters with its quotes is shown whole, a longer one cut to 70."""
    told = str(UnknownNameError("z" * letters, "place", ["Gwadar"]))
    name = "'" + "z" * shown + ("'" if shown == letters else "…")
    assert told == f"No place named {name}. Known: Gwadar."


@pytest.mark.parametrize(
    ("asked", "known", "near"),
    [
        # Names of three letters begin others; names of two begin too many.
        ("kar", ["Karachi Port Trust"], ["Karachi Port Trust"]),
        ("ka", ["Karachi Port Trust"], []),
        # Names of four letters and more are found in longer ones.
        ("multan junction", ["Multan"], ["Multan"]),
        ("language", ["lang"], ["lang"]),
        ("language", ["lan"], []),
        # Seven tenths of the letters of both: 2 × 7 of 20, and 2 × 6 of 18.
        ("abcdefgxyz", ["abcdefg123"], ["abcdefg123"]),
        ("abcdefxyz", ["abcdef123"], []),
        # At most five.
        ("gwadar", [f"gwadar{i}" for i in "abcdefg"], 5),
    ],
)
def test_names_that_are_near(asked, known, near):
    found = UnknownNameError(asked, "place", known).near
    assert (len(found) if isinstance(near, int) else found) == near


def test_a_control_character_is_spelt_in_errors_and_warnings():
    assert str(CpecgeoWarning("a\tb\u2029c\x7f")) == "a\\tb\\u2029c\\x7f"
    told = str(UnknownNameError("a\nb", "place", []))
    assert told == "No place named 'a\\nb'."
    assert str(UnknownNameError("a", "place", ["x\ny"])) == "No place named 'a'. Known: x\\ny."
