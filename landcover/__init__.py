"""The words of Steppe: legends, sensors, grids, tiling, rasters, metrics and bundles. Loads no torch, no runtime."""
