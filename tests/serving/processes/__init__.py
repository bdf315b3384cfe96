"""What the service computes, without HTTP."""
