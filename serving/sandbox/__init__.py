"""What closes a process in: Landlock, system calls, resource limits, and an environment in which GDAL asks nobody."""
