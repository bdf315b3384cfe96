"""The HTTP side of the service; the only package that knows fastapi."""
