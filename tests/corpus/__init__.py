"""Bad rasters, made by code: damaged, too large, meaning something else, disguised. Nothing in here does any harm."""
