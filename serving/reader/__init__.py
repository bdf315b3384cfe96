"""Processes that open foreign rasters, closed in, and what the rest of the service sees of them: scenes and masks."""
