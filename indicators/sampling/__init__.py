"""Probability samples of maps: drawing points, reading what interpreters saw, accuracies and areas with uncertainty."""
