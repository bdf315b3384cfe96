"""A client of the service: what ``steppe ... --server URL`` does, without a word of how it looks."""
