"""Map tiles over HTTP: XYZ PNG, TileJSON, legend and points, of jobs and of sources."""
