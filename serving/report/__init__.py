"""Reports of land degradation: from maps of two years to tables, rasters and documents."""
