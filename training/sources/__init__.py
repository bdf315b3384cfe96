"""Data sources: each turns one kind of data set into scenes."""
