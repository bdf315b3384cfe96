"""What the service computes when it is asked to: OGC processes, without HTTP."""
