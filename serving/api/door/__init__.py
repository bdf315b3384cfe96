"""The door of the HTTP service: what every request passes before a route sees it, and every answer after it."""
