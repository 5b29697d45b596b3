"""From a scene to pixels: masks and image from one raster."""
