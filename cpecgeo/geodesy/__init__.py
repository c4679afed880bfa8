"""Metric truth on the WGS 84 ellipsoid."""
