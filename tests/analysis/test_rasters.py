"""Sums of cells in rings, compared with sub-sampled cells; rasters of all kinds."""

import json
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
import shapely
from affine import Affine
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, Point, box

import cpecgeo as cg
from cpecgeo.analysis import raster as sums
from cpecgeo.analysis.raster import zonal
from cpecgeo.cli import app
from cpecgeo.errors import CRSError, DataWarning, FileError, InputError, InputTypeError

GEOD = pyproj.Geod(ellps="WGS84")
MIDDLE = Point(68.0, 27.0)


def write(path, bands, crs, transform, *, nodata=None, scale=None, offset=None, **options):
    bands = np.atleast_3d(bands.T).T if bands.ndim == 2 else bands
    count, height, width = bands.shape
    about = {"driver": "GTiff", "width": width, "height": height, "count": count}
    about |= {"dtype": bands.dtype.name, "crs": crs, "transform": transform, "nodata": nodata}
    with rasterio.open(path, "w", **about, **options) as out:
        out.write(bands)
        if scale is not None:
            out.scales, out.offsets = [scale] * count, [offset] * count
    return path


def from_origin(west, north, wide, tall):
    """Return what rasterio's `from_origin` does, without the product that affine warns of."""
    return Affine(wide, 0, west, 0, -tall, north)


def around(crs, size):
    """Return the middle of the raster, in its own plane."""
    there = pyproj.Transformer.from_crs(4326, crs, always_xy=True)
    return there.transform(MIDDLE.x, MIDDLE.y)


def made(crs, cell, cells, *, turn=0.0, up=False):
    """Return a transform with the middle of the raster at MIDDLE."""
    x, y = around(crs, cell)
    cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    high = cell if up else -cell
    a, b, d, e = cos * cell, -sin * high, sin * cell, cos * high
    half = cells / 2
    return Affine(a, b, x - (a + b) * half, d, e, y - (d + e) * half)


def shares(crs, transform, cells, start, end, fine):
    """Share of each cell from one geodesic distance to another, by fine × fine points in it."""
    row, column = np.mgrid[:cells, :cells]
    middle = km_at(crs, transform, column + 0.5, row + 0.5)
    share = ((middle > start) & (middle <= end)).astype(float)
    corners = [km_at(crs, transform, column + c, row + r) for c in (0, 1) for r in (0, 1)]
    reach = np.abs(middle - np.array(corners)).max() * 1.1
    at = (np.arange(fine) + 0.5) / fine
    for r, c in np.argwhere((abs(middle - start) < reach) | (abs(middle - end) < reach)):
        km = km_at(crs, transform, *np.meshgrid(c + at, r + at))
        share[r, c] = ((km > start) & (km <= end)).mean()
    return share


def km_at(crs, transform, column, row):
    """Geodesic km from MIDDLE to places in a raster."""
    x, y = _apply(transform, column, row)
    lon, lat = pyproj.Transformer.from_crs(crs, 4326, always_xy=True).transform(x, y)
    n = len(lon)
    km = GEOD.inv(np.full(n, MIDDLE.x), np.full(n, MIDDLE.y), lon, lat)[2] / 1e3
    return km.reshape(np.shape(column))


def _apply(t, column, row):
    c, r = column.ravel(), row.ravel()
    return t.a * c + t.b * r + t.c, t.d * c + t.e * r + t.f


PLANES = {
    "degrees": ("EPSG:4326", 0.02, {}),
    "degrees, south up": ("EPSG:4326", 0.02, {"up": True}),
    "Mollweide": ("ESRI:54009", 2000.0, {}),
    "UTM": ("EPSG:32642", 2000.0, {}),
    "UTM, turned": ("EPSG:32642", 2000.0, {"turn": 31.0}),
    "degrees, turned": ("EPSG:4326", 0.02, {"turn": -20.0}),
}


@pytest.mark.parametrize("plane", PLANES)
def test_sums_in_rings_against_sub_sampled_cells(plane, tmp_path):
    crs, cell, how = PLANES[plane]
    cells = 36
    transform = made(crs, cell, cells, **how)
    rng = np.random.default_rng(5)
    grid = rng.gamma(0.5, 100, (cells, cells)).astype("float32")
    gone = rng.random((cells, cells)) < 0.1
    path = write(tmp_path / "p.tif", np.where(gone, -9999, grid), crs, transform, nodata=-9999)
    found = cg.exposure(MIDDLE, [6, 14, 25], raster=path)
    for (start, end), row in found.iterrows():
        share = shares(crs, transform, cells, start, end, 60)
        assert row["cells"] == pytest.approx(share[~gone].sum(), rel=1e-3)
        assert row["missing"] == pytest.approx(share[gone].sum(), rel=3e-3, abs=0.01)
        assert row["population"] == pytest.approx((share * grid)[~gone].sum(), rel=1e-3)
        assert row["outside_share"] == 0
    assert np.allclose(found["population_within"], found["population"].cumsum())
    assert found.attrs["total_in_rings"] == pytest.approx(found["population"].sum())


@pytest.mark.parametrize("plane", ["degrees", "Mollweide", "UTM, turned"])
def test_the_share_of_single_cells(plane, tmp_path):
    """Each band has one cell of 1, cut by the ring: its sum is the share, good to 1e-3."""
    crs, cell, how = PLANES[plane]
    cells = 24
    transform = made(crs, cell, cells, **how)
    share = shares(crs, transform, cells, -1, 15, 16)
    cut = np.argwhere((share > 0.05) & (share < 0.95))[::7]
    bands = np.zeros((len(cut), cells, cells), "uint8")
    bands[np.arange(len(cut)), cut[:, 0], cut[:, 1]] = 1
    path = write(tmp_path / "one.tif", bands, crs, transform)
    for number, (row, column) in enumerate(cut, 1):
        found = cg.exposure(MIDDLE, 15, raster=path, value="share", band=number)
        (x,), (y,) = _apply(transform, np.array([column]), np.array([row]))
        one = Affine(transform.a, transform.b, x, transform.d, transform.e, y)
        exact = shares(crs, one, 1, -1, 15, 700)[0, 0]
        assert found["share"].iloc[0] == pytest.approx(exact, abs=1e-3)
    assert len(cut) >= 5


@given(data=st.data())
def test_windows_and_layouts_change_nothing(data, tmp_path_factory):
    """Any polygon, any block size, few cells at a time: the same as shapely cell by cell."""
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    wide, tall = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    grid = rng.integers(0, 1000, (tall, wide)).astype("int32")
    grid[rng.random(grid.shape) < 0.2] = -1
    layout = data.draw(st.sampled_from([{}, {"tiled": True, "blockxsize": 16, "blockysize": 16}]))
    path = tmp_path_factory.mktemp("w") / "w.tif"
    # The cells are so small that a geodesic is practically straight.
    size = 1e-4
    write(path, grid, 4326, from_origin(68, 27, size, size), nodata=-1, **layout)
    corners = rng.uniform([67.999, 26.995], [68.005, 27.001], (7, 2))
    areas = gpd.GeoSeries(
        [shapely.MultiPoint(corners[:5]).convex_hull, Point(corners[6]).buffer(0.001)], crs=4326
    )
    row, column = np.mgrid[:tall, :wide].reshape(2, -1)
    west, north = 68 + column * size, 27 - row * size
    squares = shapely.box(west, north - size, west + size, north)
    expected = np.array([shapely.area(shapely.intersection(squares, a)) / size**2 for a in areas])
    flat = grid.ravel()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sums, "_CELLS", data.draw(st.sampled_from([1, 50, 300, 10**6])))
        if not expected.any():
            with pytest.raises(InputError, match="elsewhere"):
                zonal(path, areas)
            return
        found = zonal(path, areas)
    assert np.allclose(found["cells"], expected[:, flat >= 0].sum(axis=1), atol=1e-3)
    assert np.allclose(found["missing"], expected[:, flat < 0].sum(axis=1), atol=1e-3)
    assert np.allclose(found["sum"], expected[:, flat >= 0] @ flat[flat >= 0], atol=0.5)
    outside = 1 - expected.sum(axis=1) / (shapely.area(areas.to_numpy()) / size**2)
    assert np.allclose(found["outside_share"], outside, atol=1e-4)


def test_scale_offset_mask_bands_and_what_is_no_number(tmp_path):
    where = from_origin(67.9, 27.1, 0.01, 0.01)
    grid = np.full((20, 20), 7, "int16")
    grid[10, 10] = -1
    scaled = write(tmp_path / "s.tif", grid, 4326, where, nodata=-1, scale=0.5, offset=2.0)
    around_all = gpd.GeoSeries([box(67.8, 26.8, 68.2, 27.2)], crs=4326)
    assert zonal(scaled, around_all)["sum"].iloc[0] == pytest.approx(399 * 5.5, rel=1e-5)
    assert zonal(scaled, around_all)["missing"].iloc[0] == pytest.approx(1, abs=1e-6)

    masked = write(tmp_path / "m.tif", np.full((20, 20), 3, "uint8"), 4326, where)
    with rasterio.open(masked, "r+") as out:
        mask = np.full((20, 20), 255, "uint8")
        mask[:5] = 0
        out.write_mask(mask)
    found = zonal(masked, around_all).iloc[0]
    assert (round(found["sum"], 2), round(found["missing"], 2)) == (900, 100)

    floats = np.ones((20, 20), "float32")
    floats[0, :3] = [np.nan, np.inf, -np.inf]
    found = zonal(write(tmp_path / "f.tif", floats, 4326, where), around_all).iloc[0]
    assert (round(found["cells"], 2), round(found["missing"], 2)) == (397, 3)

    two = np.stack([np.ones((20, 20)), np.full((20, 20), 2)]).astype("float64")
    bands = write(tmp_path / "b.tif", two, 4326, where)
    sums = [zonal(bands, around_all, band=b)["sum"].iloc[0] for b in (1, 2)]
    assert sums == pytest.approx([400, 800], rel=1e-5)


def test_no_data_that_is_not_declared_is_never_summed(tmp_path):
    where = from_origin(67.9, 27.1, 0.01, 0.01)
    grid = np.ones((20, 20), "float32")
    grid[9, 9] = -9999
    path = write(tmp_path / "u.tif", grid, 4326, where)
    with pytest.raises(InputError, match=r"nodata=-9999"):
        cg.exposure(MIDDLE, 5, raster=path)
    told = cg.exposure(MIDDLE, 5, raster=path, nodata=-9999).iloc[0]
    assert told["missing"] == pytest.approx(1, abs=1e-6)
    assert told["population"] == pytest.approx(told["cells"])
    as_it_is = cg.exposure(MIDDLE, 5, raster=path, nodata=float("nan")).iloc[0]
    assert as_it_is["population"] == pytest.approx(told["population"] - 9999)
    grid[9, 9] = np.finfo("float32").max
    path = write(tmp_path / "h.tif", grid, 4326, where, nodata=-1)
    with pytest.raises(InputError, match=r"3\.4028.*declares -1"):
        cg.exposure(MIDDLE, 5, raster=path)


def plain(tmp_path, name="plain.tif"):
    rng = np.random.default_rng(3)
    grid = rng.random((60, 60)).astype("float32")
    return write(tmp_path / name, grid, 4326, from_origin(67.7, 27.3, 0.01, 0.01))


def test_each_feature_by_itself_and_by_zones(tmp_path):
    path = plain(tmp_path)
    two = gpd.GeoSeries([Point(67.95, 27), Point(68.05, 27)], index=["a", "b"], crs=4326)
    each = cg.exposure(two, [5, 9], raster=path, dissolve=False)
    assert each.index.names == ["feature", "km_from", "km_to"]
    for label in two.index:
        alone = cg.exposure(two[label], [5, 9], raster=path)
        assert np.allclose(each.loc[label].to_numpy(), alone.to_numpy(), equal_nan=True)
    assert "total_in_rings" not in each.attrs

    halves = gpd.GeoDataFrame(
        {"name": ["west", "east"]}, geometry=[box(67, 26, 68, 28), box(68, 26, 68.04, 28)], crs=4326
    )
    whole = cg.exposure(two, [5, 9], raster=path)
    parts = cg.exposure(two, [5, 9], raster=path, by=halves)
    assert parts.index.names == ["km_from", "km_to", "zone"]
    summed = parts["population"].sum() + parts.attrs["in_no_zone"]
    assert summed == pytest.approx(whole["population"].sum(), rel=1e-6)
    assert parts.attrs["total_in_rings"] == pytest.approx(whole.attrs["total_in_rings"], rel=1e-6)
    assert parts.attrs["in_no_zone"] > 1
    west = parts.xs("west", level="zone")
    ring = cg.rings(two, [5, 9]).geometry
    left = zonal(path, ring.intersection(box(67, 26, 68, 28)))
    assert np.allclose(west["population"], left["sum"], rtol=1e-5)
    assert np.allclose(west["population_within"], left["sum"].cumsum(), rtol=1e-5)
    both = cg.exposure(two, [5], raster=path, by="districts", dissolve=False)
    assert both.index.names == ["feature", "km_from", "km_to", "zone"]


def made_up_sites(accuracy):
    points = [Point(67.9, 26.95), Point(68.02, 27.06)]
    return gpd.GeoDataFrame(
        {"name": ["a", "b"], "accuracy_km": accuracy}, geometry=points, crs=4326
    )


@pytest.mark.parametrize("accuracy", [[2.0, 2.0], [0.5, 3.0]])
def test_low_and_high_hold_whatever_place_the_sites_really_have(tmp_path, accuracy):
    """Sites are moved at random within their accuracy; sums stay between low and high."""
    rng = np.random.default_rng(4)
    grid = rng.gamma(0.3, 50, (120, 120)).astype("float32")
    path = write(tmp_path / "p.tif", grid, "EPSG:4326", from_origin(67.4, 27.6, 0.01, 0.01))
    sites = made_up_sites(accuracy)
    told = cg.exposure(sites, [4, 9, 20], raster=path)
    assert (told["population_low"] < told["population"]).all()
    assert (told["population"] < told["population_high"]).all()
    for _ in range(12):
        turn, away = rng.uniform(0, 360, 2), np.sqrt(rng.uniform(0, 1, 2)) * accuracy
        lon, lat, _ = GEOD.fwd(sites.geometry.x, sites.geometry.y, turn, away * 1e3)
        real = cg.exposure(gpd.GeoSeries.from_xy(lon, lat, crs=4326), [4, 9, 20], raster=path)
        sums = real["population"]
        assert (sums >= told["population_low"] - 1e-6).all()
        assert (sums <= told["population_high"] + 1e-6).all()


def test_low_and_high_of_one_point_are_rings_made_by_hand(tmp_path):
    path = plain(tmp_path)
    site = made_up_sites(2.0).iloc[[0]]
    told = cg.exposure(site, [6, 14], raster=path)["population_low"], cg.exposure(
        site, [6, 14], raster=path)["population_high"]  # fmt: skip
    disc = {km: cg.buffer(site.geometry.iloc[0], km) for km in (4, 8, 12, 16)}
    by_hand = [disc[4], disc[12].difference(disc[8])], [disc[8], disc[16].difference(disc[4])]
    for column, areas in zip(told, by_hand, strict=True):
        sums = zonal(path, gpd.GeoSeries(areas, crs=4326))["sum"]
        np.testing.assert_allclose(column, sums, rtol=1e-6)
    # Each feature alone, and by zones; their low and high add up if nothing is outside.
    each = cg.exposure(made_up_sites([2.0, np.nan]), [6, 14], raster=path, dissolve=False)
    np.testing.assert_allclose(each.xs(0, level="feature")["population_high"], told[1])
    assert each.xs(1, level="feature")[["population_low", "population_high"]].isna().all(axis=None)
    halves = gpd.GeoDataFrame(
        {"name": ["west", "east"]}, geometry=[box(67, 26, 67.97, 28), box(67.97, 26, 69, 28)],
        crs=4326,
    )  # fmt: skip
    parts = cg.exposure(site, [6, 14], raster=path, by=halves)
    for end in ("low", "high"):
        summed = parts[f"population_{end}"].groupby(["km_from", "km_to"]).sum()
        np.testing.assert_allclose(summed, told[end == "high"], rtol=1e-6)
    # A zone that is reached only perhaps has a row, with 0 cells as drawn.
    row = parts.loc[(0.0, 6.0, "east")]
    assert row["population"] == row["population_low"] == 0 < row["population_high"]


def test_the_high_value_says_where_the_raster_ends_before_it(tmp_path):
    near = gpd.GeoDataFrame({"accuracy_km": [3.0]}, geometry=[Point(68.27, 27.0)], crs=4326)
    with pytest.warns(DataWarning, match="as far as the rings may"):
        found = cg.exposure(near, 2, raster=plain(tmp_path)).iloc[0]
    assert found["outside_share"] == 0
    assert found["population_low"] == 0 < found["population"] < found["population_high"]


def test_tables_by_feature_too():
    two = gpd.GeoSeries([Point(67, 25), Point(74.3, 31.5)], index=["k", "l"], crs=4326)
    each = cg.exposure(two, [10, 30], dissolve=False)
    assert each.index.names == ["feature", "km_from", "km_to"]
    for label in two.index:
        assert each.loc[label].equals(cg.exposure(two[label], [10, 30]))


def test_the_shell_does_the_same(tmp_path):
    path = plain(tmp_path)
    two = gpd.GeoSeries([Point(67.95, 27), Point(68.05, 27)], crs=4326)
    cg.write(gpd.GeoDataFrame({"name": ["a", "b"]}, geometry=two), tmp_path / "two.geojson")
    command = ["exposure", str(tmp_path / "two.geojson"), "--km", "5,9", "--raster", str(path)]
    for options, given_ in (
        ([], {}),
        (["--by", "districts", "--band", "1"], {"by": "districts"}),
        (["--each", "--nodata", "-1"], {"dissolve": False}),
    ):
        told = CliRunner().invoke(app, [*command, *options, "--json"])
        assert told.exit_code == 0, told.output
        expected = cg.exposure(two, [5, 9], raster=path, **given_)
        sums = [row["population"] for row in json.loads(told.stdout)]
        assert np.allclose(sums, expected["population"], rtol=1e-6)


def test_what_lies_off_the_raster_is_told(tmp_path):
    path = plain(tmp_path)
    edge = Point(68.3, 27.0)  # its eastern border
    with pytest.warns(DataWarning, match=r"50 % of a ring lies off"):
        found = cg.exposure(edge, 5, raster=path).iloc[0]
    assert found["outside_share"] == pytest.approx(0.5, abs=2e-3)


def test_a_ring_wholly_off_the_raster_has_no_sum(tmp_path):
    path = plain(tmp_path)
    two = gpd.GeoSeries([Point(68, 27), Point(70, 27)], index=["on", "off"], crs=4326)
    with pytest.warns(DataWarning, match="lies off"):
        found = cg.exposure(two, [5, 9], raster=path, dissolve=False)
    assert (found.xs("off")["outside_share"] == 1).all()
    sums = ["population", "population_within"]
    assert found.xs("off")[sums].isna().all(axis=None)
    assert (found.xs("on")[sums] > 0).all(axis=None)


def test_features_without_a_position_are_counted(tmp_path):
    table = tmp_path / "sites.csv"
    table.write_text("name,lon,lat\na,68.0,27.0\nb,,\nc,68.1,27.0\nd,,\n")
    for options in (
        {"raster": plain(tmp_path)},
        {},
        {"raster": plain(tmp_path), "by": "districts"},
    ):
        for dissolve in (True, False):
            found = cg.exposure(str(table), 5, dissolve=dissolve, **options)
            assert found.attrs["x_without_position"] == 2
    lost = int(cg.layer("mines").geometry.isna().sum())
    assert cg.exposure("mines", 5, dissolve=False).attrs["x_without_position"] == lost


def test_it_says_what_was_counted(tmp_path):
    told = cg.exposure(MIDDLE, 5, raster=plain(tmp_path)).attrs
    assert told["resolution"] == "0.01 × 0.01 degree"
    east = GEOD.inv(68, 27, 68.01, 27)[2] / 1e3
    north = GEOD.inv(68, 27, 68, 27.01)[2] / 1e3
    assert told["cell_km"] == pytest.approx((east, north), rel=1e-3)
    assert (told["crs"], told["sources"], told["nodata"]) == ("EPSG:4326", ["plain.tif"], [])


@pytest.mark.parametrize("turn", [0.0, 30.0, 200.0])
def test_the_size_of_a_cell_is_measured_where_it_lies(tmp_path, turn):
    """A raster far from its plane's middle, and turned: its cells have sides of another length."""
    crs, cells = "EPSG:3857", 40
    transform = made(crs, 5000.0, cells, turn=turn)
    path = write(tmp_path / "t.tif", np.ones((cells, cells)), crs, transform)
    there = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)

    def corner(column, row):
        a, b, c, d, e, f = transform[:6]
        return there.transform(a * column + b * row + c, d * column + e * row + f)

    here = corner(cells / 2, cells / 2)
    sides = [
        GEOD.inv(*here, *corner(cells / 2 + i, cells / 2 + j))[2] / 1e3 for i, j in ((1, 0), (0, 1))
    ]
    told = cg.exposure(MIDDLE, 20, raster=path).attrs
    # Of the cell in the middle of what is counted.
    assert told["cell_km"] == pytest.approx(sides, rel=2e-3)
    assert told["resolution"] == "5000 × 5000 metre"


def no_crs(folder):
    return write(folder / "n.tif", np.ones((9, 9)), None, from_origin(67, 28, 0.1, 0.1))


def no_place(folder):
    path = folder / "g.tif"
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning):
        write(path, np.ones((9, 9)), 4326, Affine.identity())
    return path


def old_datum(folder):
    """Luzon's Clark ellipsoid, with no published shift to WGS 84."""
    return write(folder / "o.tif", np.ones((9, 9)), 'GEOGCS["x",DATUM["y",SPHEROID["z",6378249.145,293.465]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]', from_origin(67, 28, 0.1, 0.1))  # fmt: skip


def broken(folder):
    path = folder / "b.tif"
    path.write_bytes(plain(folder).read_bytes()[:700])
    return path


def no_raster(folder):
    path = folder / "text.tif"
    path.write_text("no raster", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("make", "options", "error", "says"),
    [
        (no_crs, {}, CRSError, r"has no CRS.*gdal_edit"),
        (no_place, {}, CRSError, r"no position.*gdalwarp"),
        (old_datum, {}, CRSError, "can't be turned into lon, lat"),
        (broken, {}, FileError, "can't be read as a raster"),
        (no_raster, {}, FileError, r"can't be read as a raster: .*[^.]\.$"),
        (lambda p: p / "none.tif", {}, FileError, "There is no file"),
        (lambda p: p, {}, FileError, "There is no file"),
        (lambda _: 5, {}, InputTypeError, "raster is int"),
        (plain, {"band": 2}, InputError, "bands 1 to 1"),
        (plain, {"band": True}, InputError, "band is True"),
        (plain, {"layer": "mines"}, InputError, "layer and raster"),
        (plain, {"by": "ml1"}, InputError, "LineString"),
        (plain, {"x": Point(74, 33)}, InputError, "lies elsewhere"),
    ],
)
def test_what_can_not_be_summed(make, options, error, says, tmp_path):
    path, given_ = make(tmp_path), {"x": MIDDLE, **options}
    with pytest.raises(error, match=says):
        cg.exposure(given_.pop("x"), 5, raster=path, **given_)


def test_areas_break_down_rasters_alone():
    with pytest.raises(InputTypeError, match="column of layer"):
        cg.exposure("ml1", 5, by=["districts"])


def test_a_profile_reads_the_same_rasters(tmp_path):
    cells, cell = 60, 1000.0
    transform = made("EPSG:32642", cell, cells, turn=31)
    at = np.arange(cells) + 0.5
    x, y = _apply(transform, *np.meshgrid(at, at))
    x0, y0 = around("EPSG:32642", cell)
    plane = ((x - x0) / 100 + (y - y0) / 50 + 2000).reshape(cells, cells).round().astype("int16")
    path = write(tmp_path / "dem.tif", plane, "EPSG:32642", transform, scale=0.5, offset=10.0)
    line = LineString([(67.9, 26.95), (68.1, 27.05)])
    found = cg.profile(line, 2, dem=path)
    there = pyproj.Transformer.from_crs(4326, 32642, always_xy=True)
    x, y = there.transform(found["lon"].to_numpy(), found["lat"].to_numpy())
    expected = ((x - x0) / 100 + (y - y0) / 50 + 2000) / 2 + 10
    assert np.allclose(found["elevation_m"], expected, atol=0.3)
    with pytest.raises(CRSError, match="has no CRS"):
        cg.profile(line, 2, dem=no_crs(tmp_path))


LARGE = """
import sys
import numpy as np, rasterio
import cpecgeo as cg
from shapely.geometry import Point
from tests.memory import peak
cg.exposure(Point(70, 30), 1, raster=sys.argv[2])  # compiled, and everything loaded
before = peak()
found = cg.exposure("ml1", [10, 50], raster=sys.argv[1])
print(peak() - before)
print(found["cells"].sum(), found["population"].sum())
"""


@pytest.mark.slow
@pytest.mark.parametrize("layout", [{"tiled": True}, {"tiled": False}], ids=["tiles", "strips"])
def test_a_national_raster_needs_little_memory(layout, tmp_path):
    """3″ cells over Pakistan: 1.3 GB as 32-bit floats, written row by row."""
    width, height = 20_400, 16_200
    where = from_origin(60.8, 37.2, 1 / 1200, 1 / 1200)
    about = {"driver": "GTiff", "width": width, "height": height, "count": 1, "crs": 4326}
    about |= {"dtype": "float32", "transform": where, "nodata": -9, "compress": "deflate"}
    with rasterio.open(tmp_path / "large.tif", "w", **about, **layout, zlevel=1) as out:
        rows = np.full((256, width), 0.5, "float32")
        for top in range(0, height, 256):
            window = rasterio.windows.Window(0, top, width, min(256, height - top))
            out.write(rows[: window.height], 1, window=window)
    small = write(tmp_path / "s.tif", np.ones((9, 9)), 4326, from_origin(69.5, 30.5, 0.1, 0.1))
    command = [sys.executable, "-c", LARGE, str(tmp_path / "large.tif"), str(small)]
    run = subprocess.run(command, capture_output=True, text=True, check=True, timeout=300)
    grown, sums = run.stdout.splitlines()
    cells, people = map(float, sums.split())
    assert int(grown) < 250
    assert cells > 15e6
    assert people == pytest.approx(cells / 2)
