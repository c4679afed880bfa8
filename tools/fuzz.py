"""Feed noise to the readers of files and to the resolver of names: `make fuzz`.

``python -m tools.fuzz names|csv|geojson|kml|gpx|gpkg|parquet|fgb|xlsx [-max_total_time=600]`` needs
atheris (``pip install atheris``, CPython up to 3.13 on Linux), which guides the noise by what
code it reaches. Anything but an answer or a `CpecgeoError` of one line is a finding: atheris
stops and writes the input down as ``crash-…``; what is found becomes a test. With
``--into=FOLDER`` the run goes on: each place in the code that fails is told once, and its input
written to that folder.
"""

from __future__ import annotations

import gzip
import io
import sys
import tempfile
import traceback
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import atheris

# Only what is fuzzed is watched: the rest would take its time to load so.
WATCHED = ["features", "catalogue"] if sys.argv[1:2] == ["names"] else ["files", "scale"]
# Kernels are compiled from their source, of which nothing is watched.
KERNELS = ["cpecgeo.files.wellknown"]
with atheris.instrument_imports(include=[f"cpecgeo.{room}" for room in WATCHED], exclude=KERNELS):
    import cpecgeo as cg
    from cpecgeo import scale
    from cpecgeo.errors import CpecgeoError
    from cpecgeo.files.reading import read
    from cpecgeo.files.writing import write

FOLDER = Path(tempfile.mkdtemp(prefix="cpecgeo-fuzz-"))
STREAMED = {"csv", "gpkg", "parquet"}
# Words of a format, which noise alone hardly ever comes upon.
WORDS = {
    "csv": """lon lat wkt sep=; POINT( SRID=4326; 34°07′12″N 67,5 1e999 NaN "" ";" """,
    "geojson": """"type": "Feature" "FeatureCollection" "Point" "Polygon" "MultiPoint" "crs"
        "properties" "geometry" "coordinates" "GeometryCollection" null [[[ ]]] 1e999 {} []""",
    "kml": """<Placemark> </Placemark> <Point> </Point> <coordinates> </coordinates> <Polygon>
        </Polygon> <ExtendedData> </ExtendedData> <Data <SchemaData> <SimpleData <MultiGeometry>
        </MultiGeometry> <outerBoundaryIs> <LinearRing> <Track> <coord> <Folder> </Folder>
        <NetworkLink/> <TimeSpan> <when> &#13; <!DOCTYPE <![CDATA[""",
    "gpx": """<wpt </wpt> <rte> </rte> <rtept </rtept> <trk> </trk> <trkseg> </trkseg> <trkpt
        </trkpt> <ele> </ele> <time> </time> <link <extensions> </extensions> lat= lon= "NaN"
        1e999 &#13; <!DOCTYPE <![CDATA[""",
    "names": "district: province: section: layer: ML-1 N-25 km",
    "xlsx": '<row> </row> <c </c> <v> </v> t="s" t="inlineStr" t="e" t="d" r="A1" s="1" <f> </f>',
}
WORDS |= {"csv.gz": WORDS["csv"], "geojsonl": WORDS["geojson"], "kmz": WORDS["kml"]}


def packed(kind: str, data: bytes) -> bytes:
    """Pack noise as what an archive holds, unless it looks like an archive itself."""
    if kind == "csv.gz" and data[:2] != b"\x1f\x8b":
        return gzip.compress(data, 1)
    if kind not in {"kmz", "zip", "xlsx"} or data[:2] == b"PK":
        return data
    inside = {"doc.kml": data}
    if kind == "zip":
        cut = int.from_bytes(data[:2], "little")
        inside = {"a.shp": data[2 : cut + 2], "a.dbf": data[cut + 2 :]}
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        if kind == "xlsx":
            with zipfile.ZipFile(FOLDER / "seed.xlsx") as book:
                inside = {name: book.read(name) for name in book.namelist()}
            inside["xl/worksheets/sheet1.xml"] = data
        for name, content in inside.items():
            archive.writestr(name, content)
    return made.getvalue()


def unpacked(kind: str, seed: Path) -> list[bytes]:
    """Return what the archive of a seed holds, as `packed` takes it."""
    if kind == "csv.gz":
        return [gzip.decompress(seed.read_bytes())]
    if kind not in {"kmz", "zip", "xlsx"}:
        return []
    with zipfile.ZipFile(seed) as archive:
        held = {name.rpartition("/")[2]: archive.read(name) for name in archive.namelist()}
    if kind == "zip":
        shp = next(v for k, v in held.items() if k.endswith(".shp"))
        return [len(shp).to_bytes(2, "little") + shp + held[next(k for k in held if "dbf" in k)]]
    return [held["doc.kml" if kind == "kmz" else "sheet1.xml"]]


def seeds(kind: str) -> list[bytes]:
    """Good inputs to start from."""
    if kind == "names":
        return [n.encode() for n in ("ML-1", "Main Line 1", "Reko Diq", "گوادر", "瓜达尔", "N 25")]
    few = cg.layer("ports").head(3)[["id", "name", "geometry"]]
    seed = write(few, FOLDER / f"seed.{kind}")
    return [seed.read_bytes(), *unpacked(kind, seed)]


def told(error: CpecgeoError) -> None:
    """A message is one line that a person can read."""
    text = str(error)
    if not text or len(text) > 1_000 or len(text.splitlines()) > 1:
        raise AssertionError(f"a message of {len(text)} letters: {text!r}")


def name(data: bytes) -> None:
    """Ask for a corridor, a place, a layer and a source by noise."""
    text = data.decode("utf-8", "replace")
    for find in (cg.corridor, cg.place, cg.layer, cg.cite):
        try:
            find(text)
        except CpecgeoError as error:
            told(error)


def file(kind: str, data: bytes) -> None:
    """Read noise as a file of that kind, in memory and in a stream."""
    path = FOLDER / f"a.{kind}"
    path.write_bytes(packed(kind, data))
    try:
        read(path)
    except CpecgeoError as error:
        told(error)
    if kind in STREAMED:
        try:
            scale.nearest_file(path, FOLDER / "o.csv", targets=TO)
        except CpecgeoError as error:
            told(error)


def noted(one: Callable[[bytes], None], kind: str, folder: Path) -> Callable[[bytes], None]:
    """Try noise and go on: the first input that fails at a place in the code is kept."""
    known: set[str] = set()

    def go_on(data: bytes) -> None:
        try:
            one(data)
        except Exception as error:  # noqa: BLE001
            last = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{type(error).__name__}-{Path(last.filename).stem}-{last.lineno}"
            if place not in known:
                known.add(place)
                (folder / f"{place}.{kind}").write_bytes(data)
                print(f"FINDING {place}: {str(error)[:200]!r}", flush=True)

    return go_on


def main() -> None:
    """Fuzz what the first argument names."""
    kind = sys.argv.pop(1)
    into = [Path(a.removeprefix("--into=")) for a in sys.argv if a.startswith("--into=")]
    sys.argv = [a for a in sys.argv if not a.startswith("--into=")]
    warnings.simplefilter("ignore")
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds(kind)):
        (corpus / str(number)).write_bytes(seed)
    one = name if kind == "names" else lambda data: file(kind, data)
    for folder in into:
        folder.mkdir(parents=True, exist_ok=True)
        one = noted(one, kind, folder)
    if kind in WORDS:
        tokens = ["".join(rf"\x{b:02x}" for b in w.encode()) for w in WORDS[kind].split()]
        words = FOLDER / "words"
        words.write_text("".join(f'"{t}"\n' for t in tokens), encoding="utf-8")
        sys.argv.append(f"-dict={words}")
    atheris.Setup([*sys.argv, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    TO = scale.prepare("taxila-havelian")
    main()
