"""The table of tiles: what is stored of each tile or layer, and how it is written, read, imported and exported."""
