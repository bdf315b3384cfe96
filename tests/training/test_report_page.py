"""The page holds every figure of the JSON, its pictures, and nothing from outside."""

import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from landcover.errors import DiskFull, OutputNotWritable
from landcover.legends import get_legend
from landcover.metrics import Calibration, score
from tests.training.memory import MemorySource, memory_scene
from tests.training.verdicts import PixelModel
from training.cross_validation import pool_folds
from training.evaluation import evaluate_scenes
from training.report import writing
from training.report.examples import ExampleBook
from training.report.figures import DASH, class_picture, confusion_picture, error_picture, reliability_picture
from training.report.page import Subject, write_report
from training.report.writing import write_file

LEGEND = get_legend("unccd7")
VOID = {"meta", "img", "br", "link"}


class Page(HTMLParser):
    """Checks that tags close in order, and collects text and pictures."""

    def __init__(self, source):
        super().__init__()
        self.open, self.text, self.pictures, self.links = [], [], [], []
        self.feed(source)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        if tag not in VOID:
            self.open.append(tag)
        given = dict(attrs)
        if tag == "img":
            self.pictures.append(given["src"])
        self.links += [given[name] for name in ("href", "src") if name in given]

    def handle_endtag(self, tag):
        if tag not in {"p", "tr", "td", "th"} or self.open[-1] == tag:
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def evaluated():
    book = ExampleBook(MemorySource(()).facts(), count=3)
    scenes = [memory_scene(f"scene{number}", f"<site {number}>", seed=number) for number in range(4)]
    for scene in scenes:
        mask = scene.read(scene.info.extent)["mask"]
        mask[mask == 3] = 2
        mask[:10] = 255
    evaluation = evaluate_scenes(PixelModel(), scenes, LEGEND, tile=64, overlap=32, examples=book)
    return evaluation, book


def subject(tmp_path, **changes):
    config = tmp_path / "config.yaml"
    config.write_text("data: {}\n")
    given = {"command": "steppe evaluate -c 'x y.yaml'", "models": {"best.ckpt": "ab" * 32}, "split": "val"}
    return Subject(**(given | {"config": config, "tile": 64, "overlap": 32} | changes))


def written(folder, evaluation, book, about):
    report = write_report(folder, evaluation, book.examples, about)
    stored = json.loads((folder / "report.json").read_text())
    assert json.loads(json.dumps(report)) == stored
    return stored, Page((folder / "report.html").read_text())


def test_the_page_says_what_the_json_says(evaluated, tmp_path):
    evaluation, book = evaluated
    report, page = written(tmp_path / "out", evaluation, book, subject(tmp_path))
    text = " ".join(" ".join(page.text).split())
    assert f"{100 * report['overall_accuracy']:.1f} %" in text
    for row in report["classes"]:
        assert (DASH if row["iou"] is None else f"{row['iou']:.3f}") in text
    for site, row in report["by_site"].items():
        assert re.search(rf"{re.escape(site)}\s+{100 * row['overall_accuracy']:.1f} %", text)
    for part in (report["config_sha256"], "ab" * 32, "steppe evaluate -c 'x y.yaml'", report["software"]["numpy"]):
        assert part in text
    assert "None" not in text
    assert "nan" not in text.lower().split()


def test_the_page_loads_nothing_and_holds_its_pictures(evaluated, tmp_path):
    evaluation, book = evaluated
    _, page = written(tmp_path, evaluation, book, subject(tmp_path))
    assert len(page.pictures) == 2 + 3 * 4
    assert all(link.startswith("data:image/png;base64,") for link in page.links)
    assert "http" not in (tmp_path / "report.html").read_text().replace("https://", "http://").split("base64")[0]


def test_worst_examples_name_their_place(evaluated, tmp_path):
    evaluation, book = evaluated
    _, page = written(tmp_path, evaluation, book, subject(tmp_path))
    text = " ".join(" ".join(page.text).split())
    for example in book.examples:
        assert f"{example.site}: {100 * example.error_share:.0f} % wrong" in text
    assert text.count("prediction") >= 3


def test_folds_and_change_have_their_tables(tmp_path):
    evaluations = []
    book = ExampleBook(MemorySource((), dates=2).facts())
    legend = get_legend("degradation3")
    for fold in range(2):
        scene = memory_scene(f"scene{fold}", f"site{fold}", classes=3, bands=8, seed=fold)
        own = ExampleBook(MemorySource((), dates=2).facts())
        evaluations.append(evaluate_scenes(PixelModel(8, 3), [scene], legend, tile=64, overlap=32, examples=own))
        book.add(own.examples, fold=fold)
    about = subject(tmp_path, stable="stable", models={"fold 0": "aa", "fold 1": "bb"}, chosen_on=("site1",))
    report, page = written(tmp_path, pool_folds(evaluations), book, about)
    text = " ".join(" ".join(page.text).split())
    assert set(report["by_fold"]) == {"0", "1"}
    assert report["change"]["f1"] == pool_folds(evaluations).binary("stable").f1
    assert report["change"]["by_site"].keys() == report["by_site"].keys()
    assert all(f"at {site} {each['f1']:.3f}" in text for site, each in report["change"]["by_site"].items())
    assert f"changed {report['change']['f1']:.3f}" in text
    assert "Cross-validation, 2 folds" in text
    assert report["elsewhere"]["change_f1"] == evaluations[0].binary("stable").f1
    assert f"Without it: overall accuracy {100 * report['elsewhere']['overall_accuracy']:.1f} %" in text
    assert "earlier image" in text
    assert "fold 1" in text
    assert len(page.pictures) == 2 + 2 * 5


def test_a_report_without_scaling_or_examples_is_whole(tmp_path):
    evaluation = evaluate_scenes(PixelModel(), [memory_scene("a")], LEGEND, tile=64, overlap=32)
    report, page = written(tmp_path, evaluation, ExampleBook(MemorySource(()).facts()), subject(tmp_path))
    assert "ece_after_scaling" not in report
    assert len(page.pictures) == 2
    assert "No intervals" in " ".join(page.text)


def decoded(png):
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_class_and_error_pictures_have_the_colours_they_say():
    truth_HW = np.array([[0, 1, 255], [6, 6, 6]], np.uint8)
    predicted_HW = np.array([[0, 2, 3], [6, 5, 6]], np.uint8)
    colours = decoded(class_picture(truth_HW, LEGEND))
    assert tuple(colours[0, 1]) == LEGEND.classes[1].rgb
    assert tuple(colours[0, 2]) == (150, 150, 150)
    red, black, grey = (235, 30, 30), (0, 0, 0), (150, 150, 150)
    error = decoded(error_picture(truth_HW, predicted_HW))
    assert [[tuple(map(int, pixel)) for pixel in row] for row in error] == [[black, red, grey], [black, red, black]]


@pytest.mark.parametrize("classes", [2, 18])
def test_a_confusion_matrix_is_drawn_whatever_its_size(classes):
    matrix = np.diag(np.arange(classes) * 10)
    colours = decoded(confusion_picture(score(matrix), [f"A class with a long title {n}" for n in range(classes)]))
    assert min(colours.shape[:2]) > 400
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) > 10


def test_an_empty_reliability_table_is_drawn():
    assert decoded(reliability_picture([("as predicted", Calibration().result())])).std() > 0


def test_a_folder_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputNotWritable, match=r"cannot write report\.json into 'file'"):
        write_file(tmp_path / "file" / "report.json", b"x")


def test_a_full_disk_is_said(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writing.Path, "write_bytes", full)
    with pytest.raises(DiskFull, match=r"no space left for report\.json"):
        write_file(Path(tmp_path) / "report.json", b"x")
