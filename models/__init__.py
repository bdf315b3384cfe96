"""The networks of Steppe: architectures, export to ONNX, and the published bundles in ``models/zoo``."""
