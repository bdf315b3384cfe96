"""What the service says of itself: metrics, logs, traces and readiness. It knows ASGI messages, no web framework."""
