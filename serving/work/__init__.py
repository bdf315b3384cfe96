"""The processes that do the work of jobs, and what keeps them running."""
