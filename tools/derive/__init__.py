"""Rebuild ``data/derived`` from pinned registry packages, byte for byte."""
