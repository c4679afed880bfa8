"""Measure cpecgeo beside its peers: on the same points, in the same run, with the errors."""
