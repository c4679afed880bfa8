"""The same file in batches of a GeoDataFrame, and by dask-geopandas, for comparison.

``python -m benchmarks.peers METHOD SOURCE OUT VERTICES [WORKERS]`` prints one line of JSON. The peers do
what their documentation shows: project to UTM 42N and join to the nearest line, in a plane.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.samples import ml1

UTM = 32642
BATCH = 262_144


def peak_mb(pid: int | str = "self") -> float:
    """The greatest memory that a process ever had."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1e3
    return float("nan")


def joined(frame: Any, line: gpd.GeoDataFrame) -> Any:
    """The nearest line in UTM, with the distance."""
    near = gpd.sjoin_nearest(frame.to_crs(UTM), line, distance_col="distance_m")
    return near.drop(columns=["geometry"])


def points(table: Any) -> gpd.GeoDataFrame:
    frame = table if not isinstance(table, pa.Table) else table.to_pandas()
    return gpd.GeoDataFrame(frame, geometry=gpd.points_from_xy(frame.lon, frame.lat, crs=4326))


def geopandas(source: str, out: str, line: gpd.GeoDataFrame) -> float:
    """Batches of a Parquet file, each a GeoDataFrame."""
    writer = None
    with pq.ParquetFile(source) as file:
        for batch in file.iter_batches(BATCH):
            near = joined(points(pa.Table.from_batches([batch])), line)
            table = pa.Table.from_pandas(near, preserve_index=False)
            writer = writer or pq.ParquetWriter(out, table.schema)
            writer.write_table(table)
    writer.close()
    return 0.0


def on_workers(source: str, out: str, work: Any, *, shaped: bool, workers: int = 2) -> float:
    """Partitions on worker processes, two as a rule; gives the memory of these, in MB."""
    import dask.dataframe as dd
    import dask_geopandas
    from distributed import Client, LocalCluster

    with (
        LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=None, protocol="tcp"
        ) as cluster,
        Client(cluster) as client,
    ):
        frame = dd.read_parquet(source, split_row_groups=1, columns=["id", "lon", "lat"])
        if shaped:
            spots = dask_geopandas.points_from_xy(frame, "lon", "lat", crs=4326)
            frame = dask_geopandas.from_dask_dataframe(frame, geometry=spots).set_crs(4326)
        work(frame).to_parquet(out, write_index=False)
        return sum(client.run(peak_mb).values())


def main() -> None:
    warnings.simplefilter("ignore")
    method, source, out, vertices, *rest = sys.argv[1:]
    count = int(rest[0]) if rest else 2
    shape = ml1(int(vertices))
    line = gpd.GeoDataFrame({"name": ["ml1"]}, geometry=[shape], crs=4326).to_crs(UTM)
    begun = time.perf_counter()
    if method == "geopandas":
        workers = geopandas(source, out, line)
    elif method == "dask-geopandas":
        work = lambda frame: frame.map_partitions(joined, line)  # noqa: E731
        workers = on_workers(source, out, work, shaped=True)
    elif method == "cpecgeo on Dask":
        from cpecgeo import scale

        to = scale.prepare(gpd.GeoSeries([shape], index=["ml1"], crs=4326))
        work = lambda frame: scale.nearest(frame, to)  # noqa: E731
        workers = on_workers(source, out, work, shaped=False, workers=count)
    else:
        from cpecgeo import scale

        to = gpd.GeoSeries([shape], index=["ml1"], crs=4326)
        scale.nearest_file(source, out, targets=to)
        workers = 0.0
    seconds = time.perf_counter() - begun
    print(json.dumps({"s": seconds, "mb": peak_mb() + workers}))


if __name__ == "__main__":
    main()
