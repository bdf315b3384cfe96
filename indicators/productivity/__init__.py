"""Land productivity (SO 1-2): trajectory, state and performance of annual NDVI, and their combination.

Works on blocks of arrays; nothing here opens a raster. Codes are those of ``indicators.codes``.
"""
