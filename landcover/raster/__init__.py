"""Rasters: the only place that opens and writes raster files."""
