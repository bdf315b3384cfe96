"""The loop that most people write: read a window, run it, keep its middle, write it; one after the other.

Same bundle, same runtime, same threads as Steppe; windows of 256 with 32 shared pixels unless told otherwise, no
blending, no confidence, uncompressed output without overviews. It prints its figures as JSON.

    python -m benchmarks.plain_loop scene.tif BUNDLE_FOLDER --tile 256 --overlap 32
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime
import rasterio
from rasterio.windows import Window

from landcover.bundle import load_bundle


def main() -> None:
    """Run the loop over a whole scene."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scene", type=Path)
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--tile", type=int, default=256)
    parser.add_argument("--overlap", type=int, default=32)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    bundle = load_bundle(options.bundle)
    session_options = onnxruntime.SessionOptions()
    session_options.intra_op_num_threads = options.threads
    session = onnxruntime.InferenceSession(bundle.read("model.onnx"), session_options, ["CPUExecutionProvider"])
    start = time.perf_counter()
    with rasterio.open(options.scene) as scene, tempfile.TemporaryDirectory() as folder:
        indexes = [scene.descriptions.index(band) + 1 for band in bundle.manifest.bands]
        profile = {"driver": "GTiff", "count": 1, "dtype": "uint8", "tiled": True, "blockxsize": 512, "blockysize": 512}
        profile |= {"width": scene.width, "height": scene.height, "crs": scene.crs, "transform": scene.transform}
        with rasterio.open(Path(folder) / "map.tif", "w", **profile, nodata=255) as output:
            classify(scene, output, session, indexes, options.tile, options.overlap)
        pixels = scene.width * scene.height
    seconds = time.perf_counter() - start
    figures = {
        "tile": options.tile,
        "overlap": options.overlap,
        "seconds": round(seconds, 2),
        "mpx_s": round(pixels / 1e6 / seconds, 3),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
    }
    print(json.dumps(figures))


def classify(scene, output, session, indexes, tile, overlap) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Middle of each window to the output; at the borders of the scene all of it."""
    half, step = overlap // 2, tile - overlap
    for top in range(0, scene.height, step):
        for left in range(0, scene.width, step):
            row, col = max(top - half, 0), max(left - half, 0)
            bottom, right = min(top + step + half, scene.height), min(left + step + half, scene.width)
            dn = scene.read(indexes, window=Window(col, row, right - col, bottom - row))
            padded = np.pad(dn, [(0, 0), (0, tile - dn.shape[1]), (0, tile - dn.shape[2])], mode="symmetric")
            codes = session.run(None, {"dn": padded[None]})[0][0, :, : dn.shape[1], : dn.shape[2]].argmax(axis=0)
            codes = np.where((dn == 0).all(axis=0), 255, codes + 1).astype(np.uint8)
            rows, cols = min(step, scene.height - top), min(step, scene.width - left)
            part = codes[top - row : top - row + rows, left - col : left - col + cols]
            output.write(part, 1, window=Window(left, top, cols, rows))


if __name__ == "__main__":
    main()
