"""The service that a user of LitServe would write for a model; runs in LitServe's environment, not in Steppe's.

python v2_litserve.py model.onnx
"""

from __future__ import annotations

import base64
import sys
from typing import Any

import litserve
import numpy as np
import onnxruntime


class Classifier(litserve.LitAPI):  # type: ignore[misc] # not installed where types are checked
    """Base64 of the digital numbers in, base64 of the probabilities out."""

    def setup(self, device: str) -> None:  # noqa: ARG002
        """Load the model."""
        self.session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])

    def decode_request(self, request):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN201
        """One window; without annotations, which LitServe would take for a form."""
        return np.frombuffer(base64.b64decode(request["data"]), "<u2").reshape(request["shape"])

    def batch(self, inputs: list[Any]) -> Any:
        """Windows of one call."""
        return np.stack(inputs)

    def predict(self, x: Any) -> Any:
        """Probabilities."""
        return self.session.run(None, {"dn": x})[0]

    def unbatch(self, output: Any) -> list[Any]:
        """Windows of the answer."""
        return list(output)

    def encode_response(self, output: Any) -> dict[str, Any]:
        """One answer."""
        return {"shape": output.shape, "data": base64.b64encode(output.tobytes()).decode()}


if __name__ == "__main__":
    api = Classifier(max_batch_size=8, batch_timeout=0.005)
    litserve.LitServer(api, accelerator="cpu").run(host="127.0.0.1", port=18321, generate_client_file=False)
