"""Models that come, go and are exchanged while the service runs."""
