"""Programs that build the data; they aren't part of the package."""
