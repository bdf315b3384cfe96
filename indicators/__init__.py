"""The accounts of Steppe: areas and land-degradation indicators. Imports landcover only."""
