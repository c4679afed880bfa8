"""Points around the corridors, as files of every kind that can be streamed."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

BOX = ((60.5, 23.5), (77.5, 37.5))
PORT_AND_LINE = gpd.GeoSeries(
    [shapely.Point(62.33, 25.11), shapely.LineString([(67, 25), (72, 34)])],
    index=["port", "line"],
    crs=4326,
)


def frame(rows=4_000, seed=1):
    """Return points with an id, a text, and people; every 50th row has no point."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(*BOX, (rows, 2)).round(6)
    points = shapely.points(xy)
    points[7::50] = None
    return gpd.GeoDataFrame(
        {
            "id": np.arange(rows),
            "label": [f'a "{i}", b\nc' if i % 9 == 0 else f"p{i}" for i in range(rows)],
            "people": rng.integers(0, 1000, rows).astype(float),
        },
        geometry=points,
        crs=4326,
    )


def table(points):
    """Return the same with columns of lon and lat."""
    plain = pd.DataFrame(points.drop(columns="geometry"))
    plain["lon"] = shapely.get_x(points.geometry.to_numpy())
    plain["lat"] = shapely.get_y(points.geometry.to_numpy())
    return plain


def write(points, path, kind):
    """Write a file of a kind: geoparquet, utm, parquet, folder, csv, gpkg."""
    if kind == "geoparquet":
        points.to_parquet(path, row_group_size=700)
    elif kind == "utm":
        points.to_crs(32642).to_parquet(path)
    elif kind == "parquet":
        pq.write_table(pa.Table.from_pandas(table(points), preserve_index=False), path)
    elif kind == "folder":
        path.mkdir()
        half = len(points) // 2
        table(points.iloc[:half]).to_parquet(path / "a.parquet", index=False)
        table(points.iloc[half:]).to_parquet(path / "b.parquet", index=False)
    elif kind == "csv":
        table(points).to_csv(path, index=False)
    elif kind == "gpkg":
        points.to_file(path, layer="points", engine="pyogrio")
    return path


SUFFIX = {
    "geoparquet": ".parquet", "utm": ".parquet", "parquet": ".parquet", "folder": "",
    "csv": ".csv", "gpkg": ".gpkg",
}  # fmt: skip
