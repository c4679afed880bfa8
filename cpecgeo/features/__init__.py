"""Corridors, places, and the resolution of what a caller gives."""
