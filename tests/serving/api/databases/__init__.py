"""Whole services, each with a worker, on either database: one or several of them, and what the database may do."""
