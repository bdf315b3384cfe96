"""A fold comes back from disk as it was, and what is damaged is not believed."""

import dataclasses

import numpy as np
import pytest

from landcover.legends import get_legend
from tests.training.memory import MemorySource, memory_scene
from tests.training.verdicts import PixelModel
from training.evaluation import Scoring, evaluate_scenes
from training.evaluation_store import load, save
from training.report.examples import ExampleBook


@pytest.fixture(scope="module")
def evaluated():
    book = ExampleBook(MemorySource(()).facts(), side=32)
    scenes = [memory_scene(name, name[0], seed=number) for number, name in enumerate(("a1", "a2", "b1"))]
    scoring = Scoring(min_share=0.1, boundary_px=2)
    legend = get_legend("unccd7")
    return evaluate_scenes(
        PixelModel(), scenes, legend, tile=64, overlap=32, scoring=scoring, examples=book
    ), book.examples


def same(first, second):
    """Equality of dataclasses that hold arrays."""
    if dataclasses.is_dataclass(first):
        names = [field.name for field in dataclasses.fields(first)]
        return type(first) is type(second) and all(same(getattr(first, n), getattr(second, n)) for n in names)
    if isinstance(first, tuple):
        return len(first) == len(second) and all(map(same, first, second))
    return np.array_equal(first, second) and getattr(first, "dtype", None) == getattr(second, "dtype", None)


def test_what_was_saved_is_loaded(evaluated, tmp_path):
    evaluation, examples = evaluated
    save(tmp_path / "sub" / "fold.npz", evaluation, examples)
    kept, kept_examples = load(tmp_path / "sub" / "fold.npz")
    assert same(kept.scenes, evaluation.scenes)
    assert same(kept.pixels, evaluation.pixels)
    assert same(kept_examples, examples)
    assert (kept.reliability, kept.scoring, kept.legend) == (
        evaluation.reliability,
        evaluation.scoring,
        evaluation.legend,
    )
    assert kept.pooled == evaluation.pooled
    assert [path.name for path in (tmp_path / "sub").iterdir()] == ["fold.npz"]


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "foreign"])
def test_what_is_damaged_is_not_believed(evaluated, tmp_path, damage):
    path = tmp_path / "fold.npz"
    save(path, *evaluated)
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    elif damage == "foreign":
        np.savez(path, other=np.zeros(3))
    else:
        path.write_bytes(b"" if damage == "empty" else content[: len(content) // 2])
    assert load(path) is None


def test_no_file_with_code_in_it_is_read(tmp_path):
    path = tmp_path / "fold.npz"
    np.savez(path, text=np.array([object()], dtype=object))
    assert load(path) is None
