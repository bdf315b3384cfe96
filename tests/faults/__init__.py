"""Faults, injected into a real service, and what must hold all the same."""
