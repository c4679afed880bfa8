"""What builds the data: not part of the package."""
