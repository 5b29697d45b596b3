"""Where things are: the cell diagram, placement without overlap, and the scene that records both."""
