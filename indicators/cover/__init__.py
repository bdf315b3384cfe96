"""The land-cover account: maps of two years to classes, transitions and degradation, rows at a time."""
