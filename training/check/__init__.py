"""``steppe train check``: everything that can be wrong with training data, looked at before the first step."""
