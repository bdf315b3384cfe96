"""Small data in the on-disk layouts of TorchGeo's data sets, written by code, and what was written."""
