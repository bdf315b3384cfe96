"""The school of Steppe: datasets, splits, training, evaluation and publishing."""
