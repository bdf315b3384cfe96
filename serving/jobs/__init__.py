"""The jobs of the service: what was asked for, how far it is, what came of it; one table is the only record."""
