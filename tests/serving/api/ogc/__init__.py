"""Abstract tests of OGC API - Processes 1.0 (18-062r2), and what Steppe promises beyond."""
