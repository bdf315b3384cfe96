"""Soil organic carbon (SO 1-3): stocks from land cover by IPCC's factors, their change, and totals.

Works on blocks of arrays; nothing here opens a raster. Codes are those of ``indicators.codes``, stocks are t/ha.
"""
