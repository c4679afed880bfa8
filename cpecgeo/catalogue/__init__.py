"""The bundled data: listing, loading, citing, and looking up names."""

from cpecgeo.catalogue.facts import fold, match
from cpecgeo.catalogue.files import data_path, data_version
from cpecgeo.catalogue.layers import catalog, cite, layer, table
from cpecgeo.catalogue.lines import Assembled, assemble, corridor_rows

__all__ = [
    "Assembled",
    "assemble",
    "catalog",
    "cite",
    "corridor_rows",
    "data_path",
    "data_version",
    "fold",
    "layer",
    "match",
    "table",
]
