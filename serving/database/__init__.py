"""The service's tables: SQLite in a file, or PostgreSQL where several hosts share them."""
