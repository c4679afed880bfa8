"""OpenStreetMap: better lines for corridors, and whole road networks.

`refresh` replaces a corridor's drawn line by real track or road, `corridor(name,
geometry="osm")` uses it, `compare` shows what changed. `graph` makes a network of an area from
Overpass or from a file. Data from OpenStreetMap is © its contributors, under the ODbL 1.0.
"""
