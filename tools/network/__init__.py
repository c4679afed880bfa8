"""The network of all sections: `python -m tools.network`."""
