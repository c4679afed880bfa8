"""Feed noise to the readers of files and to the resolver of names: `make fuzz`.

``python -m tools.fuzz names|csv|geojson|kml|gpx|gpkg|parquet|fgb|xlsx [-max_total_time=600]`` needs
atheris (``pip install atheris``, CPython up to 3.13 on Linux), which guides the noise by what
code it reaches. Anything but an answer or a `CpecgeoError` of one line is a finding: atheris
stops and writes the input down as ``crash-…``; what is found becomes a test.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["cpecgeo"]):
    import cpecgeo as cg
    from cpecgeo import scale
    from cpecgeo.errors import CpecgeoError
    from cpecgeo.files.reading import read
    from cpecgeo.files.writing import write

FOLDER = Path(tempfile.mkdtemp(prefix="cpecgeo-fuzz-"))
STREAMED = {"csv", "gpkg", "parquet"}


def seeds(kind: str) -> list[bytes]:
    """Good inputs to start from."""
    if kind == "names":
        return [n.encode() for n in ("ML-1", "Main Line 1", "Reko Diq", "گوادر", "瓜达尔", "N 25")]
    few = cg.layer("ports").head(3)[["id", "name", "geometry"]]
    return [write(few, FOLDER / f"seed.{kind}").read_bytes()]


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
    path.write_bytes(data)
    try:
        read(path)
    except CpecgeoError as error:
        told(error)
    if kind in STREAMED:
        try:
            scale.nearest_file(path, FOLDER / "o.csv", targets=TO)
        except CpecgeoError as error:
            told(error)


def main() -> None:
    """Fuzz what the first argument names."""
    kind = sys.argv.pop(1)
    warnings.simplefilter("ignore")
    corpus = FOLDER / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds(kind)):
        (corpus / str(number)).write_bytes(seed)
    one = name if kind == "names" else lambda data: file(kind, data)
    atheris.Setup([*sys.argv, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    TO = scale.prepare("taxila-havelian")
    main()
