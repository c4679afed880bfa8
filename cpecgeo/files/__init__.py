"""Reading and writing files: formats by suffix, checks of their content, atomic writes."""
