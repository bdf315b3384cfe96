"""The Open Inference Protocol, version 2, over HTTP: arrays in, arrays out, as JSON or as binary tensors.

https://github.com/open-inference/open-inference-protocol
https://github.com/triton-inference-server/server/blob/main/docs/protocol/extension_binary_data.md
"""
