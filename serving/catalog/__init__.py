"""Finding scenes: STAC Items, STAC APIs and static catalogues; a tile or an area and dates become band files."""
