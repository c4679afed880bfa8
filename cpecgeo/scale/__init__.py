"""`nearest`, `within` and `exposure` on files larger than memory, and on several machines.

`nearest_file`, `within_file` and `exposure_file` stream GeoParquet, Parquet, CSV and
GeoPackage; `nearest`, `within` and `exposure` take Dask dataframes and stay lazy.
"""

from cpecgeo.errors import MissingExtraError

try:
    import pyarrow as _  # noqa: F401, ICN001
except ImportError as error:
    raise MissingExtraError(
        "pyarrow isn't installed; it comes with the extra: pip install 'cpecgeo[scale]'."
    ) from error

from cpecgeo.scale.files import exposure_file, nearest_file, within_file
from cpecgeo.scale.frames import exposure, nearest, within
from cpecgeo.scale.questions import Targets, prepare
from cpecgeo.scale.stream import Progress, Run

__all__ = [
    "Progress",
    "Run",
    "Targets",
    "exposure",
    "exposure_file",
    "nearest",
    "nearest_file",
    "prepare",
    "within",
    "within_file",
]
