"""Join the windows of concurrent requests into calls of a model.

Arrays only: this room knows something that answers arrays with arrays, nothing of rasters or HTTP.
"""
