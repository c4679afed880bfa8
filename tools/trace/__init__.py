"""Trace trunk roads and motorways out of OpenStreetMap's raster tiles."""
