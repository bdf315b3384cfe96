"""Severity of bare ground from field plots: per-pixel training, cross-validation, publishing."""
