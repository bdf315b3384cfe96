"""OGC API - Processes 1.0 (18-062r2): jobs and processes over HTTP."""
