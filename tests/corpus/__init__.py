"""Bad input, made by code: rasters and requests. Nothing in here does any harm."""
