"""Analyses of corridors, points and areas."""
