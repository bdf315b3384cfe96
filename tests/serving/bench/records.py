"""What the measurements of a report may answer, made up."""

from dataclasses import replace

from landcover.precision import Precision, Variant
from serving.bench.campaign import Record
from serving.bench.engines import Kind
from serving.bench.judge import engine_key, size_key
from serving.bench.plan import FULL, Task
from tests.bundles import tiny_manifest

CPU, CPU8 = Kind("cpu", Precision.FP32), Kind("cpu", Precision.INT8)
VINO, VINO8, VINO16 = (Kind("openvino", name) for name in (Precision.FP32, Precision.INT8, Precision.BF16))
VARIANT = Variant(
    overall_accuracy=0.5,
    macro_iou=0.4,
    fp32_overall_accuracy=0.5,
    fp32_macro_iou=0.4,
    agreement_percent=99.0,
    pixels=1000,
)


def made_up_task(**changes):
    """A full report of a model with an int8 variant on two runtimes."""
    manifest = tiny_manifest(variants={Precision.INT8: VARIANT}, tile_size=640, overlap=64)
    task = Task(model="tiny", manifest=manifest, sizes=FULL, kinds=(CPU, CPU8, VINO, VINO16, VINO8))
    return replace(task, **changes)


def scene_figures(size=FULL.tile, *, provider="openvino", whole=0.9, model=1.0, peak=950.0, **changes):
    """What ``bench scene`` answers."""
    figures = {"provider": provider, "height": size.height, "width": size.width, "redundancy": 1.1}
    rates = {"decode_mpx_s": 20.0, "model_mpx_s": model, "end_to_end_mpx_s": whole, "peak_memory_mb": peak}
    return figures | rates | changes


def record(key, figures=None, *, seconds=1.0, problem=None):
    """A measurement under its own name."""
    return Record(key=key, commands=(f"run {' '.join(key)}",), seconds=seconds, figures=figures or {}, problem=problem)


def made_up_records():
    """One round of everything, images included."""
    stages = {
        "busy_s": {"decode": 5, "model": 80, "blend": 4, "write": 3, "finish": 7, "other": 1},
        "wall_s": 60.0,
        "finish_wall_s": 4.0,
    }
    engines = {
        CPU: scene_figures(provider="cpu", whole=0.80, bare_mpx_s=0.88),
        CPU8: scene_figures(provider="cpu", whole=1.60, model=2.0),
        VINO: scene_figures(whole=0.90, stages=stages),
        VINO16: scene_figures(whole=1.50, model=2.0),
        VINO8: scene_figures(whole=2.25, model=3.0, stages=stages),
    }
    pairs = [(CPU, CPU8, 0.7), (VINO, VINO8, 0.4), (CPU, VINO, 0.0), (CPU, VINO16, 0.27), (CPU8, VINO8, 0.18)]
    agreement = {
        "images": 2,
        "pixels": 2_000_000,
        "pairs": [{"one": one.title, "other": other.title, "percent": percent} for one, other, percent in pairs],
    }
    tally = {"pixels": 1_500_000, "images": 2, "worst_percent": 0.3, "percent": 0.19, "seam_percent": 1.5}
    windows = {"sizes": {"512/64": tally, "640/64": tally | {"percent": 0.25}}}
    repeat = {"different_by_batch": 0, "different_by_threads": 2, "batch_sizes": [1, 3], "threads": [1, 2], "pixels": 9}
    cuts = [record(size_key(size), scene_figures(size, peak=900.0 + index)) for index, size in enumerate(FULL.cuts)]
    return [
        *(record(("start",), {"pixels": 1}, seconds=seconds) for seconds in (4.0, 2.4, 2.2)),
        record(("tta", "none"), scene_figures(whole=0.8)),
        record(("tta", "flips"), scene_figures(whole=0.2)),
        record(("repeat", "cpu"), repeat),
        record(("repeat", "openvino"), repeat | {"different_by_threads": 0}),
        record(("agreement",), agreement),
        record(("windows",), windows),
        *cuts,
        record(size_key(FULL.wide), scene_figures(FULL.wide, peak=1400.0)),
        *(record(engine_key(kind), figures) for kind, figures in engines.items()),
    ]
