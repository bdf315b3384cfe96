"""Two-date samples: signs against brute force, scenes through a generated collection, refusals."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import rasterio
import torch
import yaml
from rasterio.transform import from_origin

from indicators.transitions import UNCCD7_TRANSITIONS
from landcover.bundle import load_bundle
from landcover.errors import ConfigError, RasterUnreadable
from landcover.grid import Window
from models.networks import build_network
from models.pretrained import PretrainedChoice, load_pretrained
from serving.degradation import PairInputs, compare_scenes
from serving.engine import Engine
from serving.request import Inputs, Outputs
from serving.settings import Settings
from tests.training.conftest import BANDS_10, CITY_RES, write_raster, write_scene
from tests.training.fits import SMALL, WARNINGS, fit
from training import cli
from training.config import data_from_config
from training.inference import bundle_predictor, predict_strips, scene_plan
from training.publish import main as publish
from training.scenes import IGNORE, MemoryScene, SceneInfo, Source, SourceFacts
from training.sources.dynamic_world import DynamicWorldSites
from training.sources.own_errors import SceneProblem, UnusableScenes
from training.sources.two_date import ChangeMaskInvalid, NoPairs, TwoDateSites
from training.sources.two_date_labels import SignChoice, decide, one_hot, shares, sign_masses, vote

pytestmark = WARNINGS

SIGNS = np.array(UNCCD7_TRANSITIONS.signs)
WATER, ARTIFICIAL, TREES = 6, 4, 0


@pytest.fixture(autouse=True)
def no_other_data(monkeypatch):
    """Folders are given in each test, whatever the environment names."""
    monkeypatch.delenv("STEPPE_DATA", raising=False)


def probabilities(seed, shape=(4, 5)):
    draw = np.random.default_rng(seed)
    values = draw.random((7, *shape)).astype(np.float32) ** 3
    return values / values.sum(axis=0)


@pytest.mark.parametrize("changed", [False, True])
def test_masses_are_sums_over_pairs(changed):
    older, younger = probabilities(0), probabilities(1)
    expected = np.zeros((3, 4, 5))
    for first, second in itertools.product(range(7), repeat=2):
        if changed and first == second != WATER:
            continue  # a person saw a change: a class that stays says nothing, water excepted
        expected[SIGNS[first, second] + 1] += older[first] * younger[second]
    assert np.allclose(sign_masses(UNCCD7_TRANSITIONS, older, younger, changed=changed), expected, atol=1e-6)
    if not changed:
        assert np.allclose(expected.sum(axis=0), 1, atol=1e-6)


def test_labels_as_evidence_give_the_cell_of_the_matrix():
    pairs = np.array(list(itertools.product(range(7), repeat=2)), np.uint8)
    older, younger = (one_hot(pairs[:, [column]].T, 7) for column in (0, 1))
    found = shares(sign_masses(UNCCD7_TRANSITIONS, older, younger, changed=True))
    everywhere = np.ones((1, 49), bool)
    labels = decide(found, everywhere, SignChoice(evidence="labels", margin=1.0))[0]
    for (first, second), label in zip(pairs.tolist(), labels.tolist(), strict=True):
        unknown = first == second != WATER
        assert label == (IGNORE if unknown else SIGNS[first, second] + 1)
    strict = decide(found, everywhere, SignChoice(evidence="labels", margin=1.0, unsigned="stable"))[0]
    assert np.array_equal(strict, np.where(labels == IGNORE, 1, labels))


OBJECTS = np.array([[1, 0, 0, 1], [0, 1, 0, 1], [0, 0, 0, 0]], bool)  # the left two touch at a corner


def test_objects_vote_together():
    masses = np.random.default_rng(3).random((3, 3, 4)).astype(np.float32)
    voted = vote(masses, OBJECTS, SignChoice(vote="object"))
    assert np.allclose(voted[:, 0, 0], (masses[:, 0, 0] + masses[:, 1, 1]) / 2)
    assert np.allclose(voted[:, 1, 1], voted[:, 0, 0])
    assert np.allclose(voted[:, 1, 3], (masses[:, 0, 3] + masses[:, 1, 3]) / 2)
    assert np.array_equal(voted[:, ~OBJECTS], masses[:, ~OBJECTS])
    assert np.array_equal(vote(masses, OBJECTS, SignChoice(vote="pixel")), masses)


@pytest.mark.parametrize(("quorum", "filled"), [(0.5, True), (0.6, False)])
def test_pixels_without_evidence_ask_their_object(quorum, filled):
    masses = np.zeros((3, 3, 4), np.float32)
    masses[0, 0, 0] = 1  # one of the left two says degraded, nobody on the right says anything
    voted = vote(masses, OBJECTS, SignChoice(vote="fill", quorum=quorum))
    assert voted[:, 0, 0].tolist() == [1, 0, 0]
    assert voted[:, 1, 1].tolist() == ([0.5, 0, 0] if filled else [0, 0, 0])
    labels = decide(shares(voted), OBJECTS, SignChoice())
    assert labels[OBJECTS].tolist() == [0, IGNORE, 0 if filled else IGNORE, IGNORE]


def test_a_sign_needs_its_margin():
    found = np.array([[0.6, 0.5, 0.0], [0.1, 0.1, 0.0], [0.3, 0.4, 0.0]], np.float32)[:, None, :]
    changed = np.array([[True, True, True]])
    assert decide(found, changed, SignChoice(margin=0.55)).tolist() == [[0, IGNORE, IGNORE]]
    assert decide(found, changed, SignChoice(margin=0.0)).tolist() == [[0, 0, IGNORE]]
    assert decide(found, changed, SignChoice(margin=0.55, unsigned="stable")).tolist() == [[0, 1, 1]]
    assert decide(found, ~changed, SignChoice()).tolist() == [[1, 1, 1]]
    tie = np.array([[0.5], [0.0], [0.5]], np.float32)[:, None, :]
    assert decide(tie, changed[:, :1], SignChoice(margin=0.5)).tolist() == [[IGNORE]]
    for name in ("margin", "quorum"):
        with pytest.raises(ConfigError, match=rf"{name} is 1\.5"):
            SignChoice(**{name: 1.5})


CITIES = [
    *("abudhabi", "beihai", "beirut", "bercy", "bordeaux", "cupertino"),
    *("hongkong", "mumbai", "nantes", "paris", "pisa", "rennes"),
]
DATES = ("20160120", "20180328")
CHANGE = "s2_landcover/change/{site}.tif"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """The twelve cities, and one more without a mask; labels of the second date are those of the first, moved."""
    root = tmp_path_factory.mktemp("pairs")
    folder = root / "s2_landcover"
    for number, city in enumerate((*CITIES, "milano")):
        where = {"crs": "EPSG:4326", "transform": from_origin(2.3 + number, 48.8, *CITY_RES)}
        for date in DATES:
            seed = 10 * number + int(date[3])
            write_scene(folder, f"{city}_{date}", shape=(48, 70), bands=BANDS_10, seed=seed, **where)
        if city != "milano":
            mask_HW = np.zeros((48, 70), np.uint8)
            mask_HW[5 : 12 + number, 3:60] = 1
            write_raster(folder / "change" / f"{city}.tif", mask_HW[None], **where)
            shift_labels(folder, f"{city}_{DATES[1]}", where)
    return root


def shift_labels(folder, scene, where):
    for kind in ("labels", "probabilities"):
        path = folder / kind / f"{scene}.tif"
        with rasterio.open(path) as raster:
            values = np.roll(raster.read(), 16, axis=2)
        path.unlink()
        write_raster(path, values, nodata=255 if kind == "labels" else None, **where)


def sites(root, **options):
    return TwoDateSites(DynamicWorldSites(str(root), bands=["B02", "B08"]), root=str(root), **options)


def read(scene):
    return scene.read(scene.info.extent)


def test_pairs_are_the_oldest_and_youngest_date_stacked(root):
    singles = {scene.info.name: scene for scene in DynamicWorldSites(str(root), bands=["B02", "B08"]).scenes()}
    source = sites(root)
    assert (source.facts().dates, source.facts().bands, source.facts().legend_id) == (2, ("B02", "B08"), "degradation3")
    scenes = source.scenes()
    assert [scene.info.site for scene in scenes] == sorted((*CITIES, "milano"))
    pair = scenes[0]
    dates = [read(singles[f"abudhabi_{date}"]) for date in DATES]
    sample = read(pair)
    assert torch.equal(sample["image"], torch.cat([date["image"] for date in dates]))
    assert pair.info.name == "abudhabi_20160120_20180328"
    assert {path.parent.name for path in pair.info.files} == {"images", "labels", "probabilities"}
    older, younger = (date["mask"].numpy() for date in dates)
    known = (older != IGNORE) & (younger != IGNORE)
    expected = np.where(known, SIGNS[np.minimum(older, 6), np.minimum(younger, 6)] + 1, IGNORE)
    assert np.array_equal(sample["mask"].numpy(), expected)
    assert len(set(expected[known].tolist())) == 3


def test_change_masks_say_where_and_the_matrix_which_way(root):
    source = sites(root, change_masks=CHANGE, signs=SignChoice(vote="pixel", margin=1.0))
    scenes = source.scenes()
    assert [scene.info.site for scene in scenes] == CITIES
    without = {scene.info.site: scene for scene in sites(root).scenes()}
    sample, plain = read(scenes[1]), read(without["beihai"])
    changed = np.zeros((48, 70), bool)
    changed[5:13, 3:60] = True
    image_empty = np.zeros_like(changed)
    image_empty[-1, :2] = True
    mask = sample["mask"].numpy()
    assert np.array_equal(mask[~changed], np.where(image_empty, IGNORE, 1)[~changed])
    older, younger = (read(scene)["mask"].numpy() for scene in scenes[1]._dates)
    same = (older == younger) & (older != WATER)
    assert np.array_equal(mask[changed], np.where(same, IGNORE, plain["mask"].numpy())[changed])
    assert {0, 1, 2, IGNORE} <= set(mask[changed].tolist())
    # Seen by a person, and not one of the changes that the matrix calls stable.
    assert np.array_equal(sample["changed"].numpy(), np.where(image_empty, IGNORE, changed & (mask != 1)))
    assert "changed" not in plain
    assert "change" in {path.parent.name for path in scenes[1].info.files}
    assert source.facts().provenance["transition_matrix"] == UNCCD7_TRANSITIONS.identity
    assert source.facts().provenance["signs"]["margin"] == 1.0


def test_teacher_holds_the_shares_of_the_signs(root):
    signs = SignChoice(evidence="probabilities", vote="pixel")
    sample = read(sites(root, change_masks=CHANGE, signs=signs).scenes()[0])
    teacher, mask = sample["teacher"].float(), sample["mask"]
    outside = torch.ones(48, 70, dtype=torch.bool)
    outside[5:12, 3:60] = False
    assert torch.equal(teacher[:, outside].T.unique(dim=0), torch.tensor([[0.0, 1.0, 0.0]]))
    assert torch.allclose(teacher.sum(dim=0), torch.ones(48, 70), atol=2e-3)
    signed = mask != IGNORE
    signed[outside] = False
    assert torch.equal(teacher.argmax(dim=0)[signed], mask[signed].long())
    assert float(teacher.amax(dim=0)[signed].min()) >= 0.499


def test_windows_are_cuts_of_the_whole(root):
    scene = sites(root, change_masks=CHANGE, signs=SignChoice(vote="object")).scenes()[2]
    window = Window(7, 11, 20, 30)
    whole = read(scene)
    for name, raster in scene.read(window).items():
        assert torch.equal(raster, whole[name][..., window.rows, window.cols])


def test_the_reversed_pair_is_labelled_anew_and_for_training_only(root):
    scenes = sites(root, reverse=True).scenes()
    assert len({scene.info.name for scene in scenes}) == len(scenes) == 26
    forward, backward = scenes[:2]
    assert [scene.info.training_only for scene in (forward, backward)] == [False, True]
    assert backward.info.name == f"{forward.info.name}~reversed"
    assert backward.info.site == forward.info.site
    one, other = read(forward), read(backward)
    assert torch.equal(other["image"], one["image"].roll(2, dims=0))
    older, younger = (read(scene)["mask"].numpy() for scene in forward._dates)
    known = (older != IGNORE) & (younger != IGNORE)
    # Not simply the other sign: grassland to wetland and wetland to grassland are both degradation.
    expected = np.where(known, SIGNS[np.minimum(younger, 6), np.minimum(older, 6)] + 1, IGNORE)
    assert np.array_equal(other["mask"].numpy(), expected)
    assert not np.array_equal(expected[known], 2 - one["mask"].numpy()[known])


class Memory(Source):
    def __init__(self, scenes, legend="unccd7", dates=1, error=None):
        self._scenes = scenes
        self._error = error
        self._facts = SourceFacts(("B02",), "sentinel-2-l2a", legend, dates=dates)

    def facts(self):
        return self._facts

    def scenes(self):
        if self._error:
            raise self._error
        return self._scenes


def memory(name, site="here", shape=(4, 4), label=TREES, split=None, weight=None):
    sample = {"image": torch.ones(1, *shape, dtype=torch.int32), "mask": torch.full(shape, label, dtype=torch.uint8)}
    if weight is not None:
        sample["weight"] = torch.full(shape, weight)
    return MemoryScene(SceneInfo(name, site, *shape, split=split), sample)


def test_any_source_with_dates_in_its_names_will_do():
    dates = [memory("here_2020-05-01", label=ARTIFICIAL), memory("a_20170501_x"), memory("b_20180501", label=WATER)]
    (pair,) = TwoDateSites(Memory(dates)).scenes()
    assert pair.info.name == "here_20170501_20200501"
    sample = read(pair)
    assert set(sample) == {"image", "mask"}
    assert sample["mask"].unique().tolist() == [0]  # trees to artificial


@pytest.mark.parametrize(
    "name", ["p12345678_{}", "x_0204_0510_{}", "20189999_{}", "S2A_{}T103021_R108_20230418T112233"]
)
def test_the_date_is_the_first_number_that_can_be_one(name):
    dates = [memory(name.format("20180501")), memory(name.format("20170501"), label=ARTIFICIAL)]
    (pair,) = TwoDateSites(Memory(dates)).scenes()
    assert pair.info.name == "here_20170501_20180501"


def test_two_images_of_one_day_are_no_pair():
    same_day = [memory("a_20170501", "there"), memory("b_20170501", "there")]
    dates = [memory("a_20170501"), memory("b_20170501"), memory("c_20180501"), memory("monday", "elsewhere")]
    assert [pair.info.site for pair in TwoDateSites(Memory([*same_day, *dates])).scenes()] == ["here"]
    with pytest.raises(NoPairs):
        TwoDateSites(Memory(same_day)).scenes()


def test_a_pair_has_the_split_and_the_weights_of_its_dates(tmp_path):
    dates = [
        memory("a_20170501", split="val", weight=0.5),
        memory("b_20180501", split="val", weight=0.25, label=ARTIFICIAL),
    ]
    (pair,) = TwoDateSites(Memory(dates)).scenes()
    assert pair.info.split == "val"
    assert read(pair)["weight"].unique().tolist() == [0.125]
    seen = np.zeros((1, 4, 4), np.uint8)
    seen[0, 1] = 1
    write_raster(tmp_path / "here.tif", seen, crs="EPSG:4326", transform=from_origin(0, 0, *CITY_RES))
    (masked,) = TwoDateSites(Memory(dates), root=str(tmp_path), change_masks="{site}.tif").scenes()
    assert read(masked)["weight"][:3, 0].tolist() == [1, 0.125, 1]  # where nothing changed nobody asks the class maps


def test_refusals(tmp_path):
    pair = [memory("a_20170501"), memory("a_20180501")]
    with pytest.raises(ConfigError, match="a_20170501 is of split 'train' and b_20180501 of None"):
        TwoDateSites(Memory([memory("a_20170501", split="train"), memory("b_20180501")])).scenes()
    with pytest.raises(NoPairs, match="no place with two dates was found"):
        TwoDateSites(Memory(pair[:1])).scenes()
    with pytest.raises(NoPairs, match="change mask 'nowhere"):
        TwoDateSites(Memory(pair), root=str(tmp_path), change_masks="nowhere/{site}.tif").scenes()
    with pytest.raises(ConfigError, match="monday has no date"):
        TwoDateSites(Memory([memory("monday"), memory("b_20180501")])).scenes()
    with pytest.raises(
        ConfigError, match=r"masks/\{name\}\.tif' does not say where a site's name goes; write \{site\}"
    ):
        TwoDateSites(Memory(pair), change_masks="masks/{name}.tif")
    for source in (Memory(pair, legend="dynamic-world"), Memory(pair, dates=2)):
        with pytest.raises(ConfigError, match="single dates with legend 'unccd7'"):
            TwoDateSites(source).facts()


def test_a_place_that_cannot_be_used_leaves_the_others():
    other = [memory("b_20170501", site="there"), memory("b_20180501", site="there")]
    dates = [memory("a_20170501"), memory("a_20180501", shape=(4, 5)), *other]
    with pytest.raises(UnusableScenes, match=r"\(4 x 4 and 4 x 5 pixels\) do not lie on one pixel grid") as found:
        TwoDateSites(Memory(dates)).scenes()
    assert [scene.info.site for scene in found.value.usable] == ["there"]
    assert [problem.scene for problem in found.value.problems] == ["here_20170501_20180501"]


def test_dates_that_cannot_be_opened_are_passed_on():
    problem = SceneProblem("x_20160501", RasterUnreadable("x.tif is no raster"))
    pair = [memory("a_20170501"), memory("a_20180501")]
    with pytest.raises(UnusableScenes, match=r"1 of 2 scenes cannot be used: x_20160501: x\.tif is no raster") as found:
        TwoDateSites(Memory(pair, error=UnusableScenes([problem], pair))).scenes()
    assert [scene.info.name for scene in found.value.usable] == ["here_20170501_20180501"]


def test_places_without_a_mask_are_named_once(tmp_path, caplog):
    dates = [memory(f"{site}_{day}", site=site) for site in ("here", "there") for day in ("20170501", "20180501")]
    transform = from_origin(0, 0, *CITY_RES)
    write_raster(tmp_path / "here.tif", np.zeros((1, 4, 4), np.uint8), crs="EPSG:4326", transform=transform)
    source = TwoDateSites(Memory(dates), root=str(tmp_path), change_masks="{site}.tif")
    assert [scene.info.site for scene in (*source.scenes(), *source.scenes())] == ["here", "here"]
    assert [entry.message for entry in caplog.records if entry.levelname == "WARNING"] == [
        "no change mask, so left out: there"
    ]


def test_a_damaged_mask_is_named(tmp_path):
    path = tmp_path / "here.tif"
    seen = np.random.default_rng(0).integers(0, 2, (1, 4, 4), dtype=np.uint8)
    write_raster(path, seen, crs="EPSG:4326", transform=from_origin(0, 0, *CITY_RES))
    path.write_bytes(path.read_bytes()[:-3])
    (pair,) = TwoDateSites(
        Memory([memory("a_20170501"), memory("a_20180501")]), root=str(tmp_path), change_masks="{site}.tif"
    ).scenes()
    with pytest.raises(ChangeMaskInvalid, match=r"change mask of here: 'here\.tif'"):
        read(pair)


@pytest.mark.parametrize(("shape", "value", "message"), [((4, 5), 1, "pixel grid"), ((4, 4), 2, "holds 2")])
def test_refuses_masks_of_another_kind(tmp_path, monkeypatch, shape, value, message):
    monkeypatch.delenv("STEPPE_DATA", raising=False)
    where = {"crs": "EPSG:32631", "transform": from_origin(5e5, 5e6, 10, 10)}
    write_raster(tmp_path / "here.tif", np.full((1, *shape), value, np.uint8), **where)
    pair = Memory([memory("a_20170501"), memory("a_20180501")])
    (scene,) = TwoDateSites(pair, root=str(tmp_path), change_masks="{site}.tif").scenes()
    with pytest.raises(ChangeMaskInvalid, match=message):
        scene.load()


def test_refuses_probabilities_that_are_not_there(tmp_path, monkeypatch):
    monkeypatch.delenv("STEPPE_DATA", raising=False)
    where = {"crs": "EPSG:32631", "transform": from_origin(5e5, 5e6, 10, 10)}
    write_raster(tmp_path / "here.tif", np.ones((1, 4, 4), np.uint8), **where)
    pair = Memory([memory("a_20170501"), memory("a_20180501")])
    signs = SignChoice(evidence="probabilities")
    (scene,) = TwoDateSites(pair, root=str(tmp_path), change_masks="{site}.tif", signs=signs).scenes()
    with pytest.raises(ConfigError, match="take labels"):
        scene.load()


def test_the_shipped_config_finds_its_sites(root, repository, monkeypatch):
    monkeypatch.setenv("STEPPE_DATA", str(root))
    monkeypatch.chdir(repository)
    data = data_from_config(repository / "configs" / "train" / "s2_degradation.yaml", fold=0)
    train, test = data.scenes("train"), data.scenes("test")
    assert data.facts.dates == 2
    assert {scene.info.site for scene in train}.isdisjoint({scene.info.site for scene in test})
    assert {scene.info.site for scene in (*train, *test)} == set(CITIES)
    assert len(read(test[0])["image"]) == 2 * len(data.facts.bands)
    assert not any(scene.info.training_only for scene in test)
    assert len(train) == len({scene.info.site for scene in train})


@pytest.mark.slow
def test_the_shipped_config_trains_from_a_land_cover_checkpoint(root, repository, monkeypatch, tmp_path):
    monkeypatch.setenv("STEPPE_DATA", str(root))
    monkeypatch.chdir(repository)
    one_date = build_network("unet-lite2", 9, 7)
    torch.save({"state_dict": one_date.state_dict()}, tmp_path / "land_cover.ckpt")
    config = str(repository / "configs/train/s2_degradation.yaml")
    source = f"--model.init_args.pretrained.source={tmp_path / 'land_cover.ckpt'}"
    where = f"--trainer.default_root_dir={tmp_path / 'runs'}"
    assert cli.train(["fit", "-c", config, *SMALL, "--trainer.fast_dev_run=1", source, where]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("contrast", [False, True])
def test_networks_of_two_dates_are_published(root, repository, monkeypatch, tmp_path, contrast):
    monkeypatch.setenv("STEPPE_DATA", str(root))
    monkeypatch.chdir(repository)
    settings = yaml.safe_load((repository / "configs/train/s2_degradation.yaml").read_text())
    model = settings["model"]["init_args"]
    del model["pretrained"]
    model["network"] = {"name": "plain-tiny"}
    model["inputs"]["contrast"] = contrast
    model["optimiser"] = {"learning_rate": 0.01}
    settings["data"]["init_args"]["split"]["fold"] = 0
    config, words = tmp_path / "train.yaml", tmp_path / "publish.yaml"
    config.write_text(yaml.safe_dump(settings))
    text = yaml.safe_load((repository / "configs/publish/s2_degradation.yaml").read_text())
    del text["evaluation"]
    words.write_text(yaml.safe_dump(text | {"name": "pairs", "tile_size": 64, "overlap": 32}))
    assert fit(tmp_path / "runs", config=config, epochs=1) == 0
    checkpoint = tmp_path / "runs/version_0/checkpoints/last.ckpt"
    order = ["-c", config, "-p", words, "--checkpoint", checkpoint, "--version", "0.1.0", "-o", tmp_path / "zoo"]
    assert publish([str(word) for word in order]) == 0
    bundle = load_bundle(tmp_path / "zoo/pairs/0.1.0")
    assert (bundle.manifest.dates, bundle.manifest.overview) == (2, contrast)
    assert Engine(bundle).self_test() < 1e-4
    assert_the_service_maps_as_evaluation_does(bundle, root, tmp_path)


def assert_the_service_maps_as_evaluation_does(bundle, root, folder):
    """Several windows, pixels without data, and the overview where there is one."""
    wanted = DynamicWorldSites(str(root), bands=list(bundle.manifest.bands))
    scene = next(scene for scene in TwoDateSites(wanted, root=str(root)).scenes() if scene.info.site == "beirut")
    strips = predict_strips(bundle_predictor(bundle), scene, scene_plan(scene, tile=64, overlap=32))
    evaluated = np.concatenate([strip.probabilities_KHW.argmax(axis=0).astype(int) - 1 for strip in strips])
    dates = [Inputs(source=root / f"s2_landcover/images/beirut_{date}.tif", product="sentinel-2-l1c") for date in DATES]
    outputs = Outputs(map=folder / "map.tif")
    outcome = compare_scenes(
        PairInputs(before=dates[0], after=dates[1]), outputs, Engine(bundle, provider="cpu"), Settings(registry=None)
    )
    with rasterio.open(outputs.map) as written:
        codes = written.read(1)
    known = (read(scene)["image"][:9] != 0).any(dim=0).numpy()
    np.testing.assert_array_equal(codes, np.where(known, evaluated, -32768))
    assert outcome.seams.pixels > 0


def test_a_siamese_network_takes_over_the_whole_land_cover_network(tmp_path):
    torch.manual_seed(0)
    one_date = build_network("unet-lite0", 4, 7)
    torch.save({"state_dict": one_date.state_dict()}, tmp_path / "land_cover.ckpt")
    bands = ["B02", "B03", "B04", "B08"]
    siamese = build_network("siamese-lite0", 8, 3)
    load_pretrained(
        siamese.trunk, PretrainedChoice(str(tmp_path / "land_cover.ckpt"), bands=bands, whole=True), bands=bands
    )
    wanted = [*one_date.body.encoder.state_dict().values(), *one_date.body.decoder.blocks[:4].state_dict().values()]
    found = list(siamese.trunk.state_dict().values())
    assert len(found) == len(wanted)
    assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


class Speaking(MemoryScene):
    def remarks(self):
        yield self.info.name


def test_a_pair_says_what_its_dates_have_to_say():
    dates = [Speaking(scene.info, {}) for scene in (memory("a_20170501"), memory("a_20180501"))]
    (pair,) = TwoDateSites(Memory(dates)).scenes()
    assert list(pair.remarks()) == ["a_20170501", "a_20180501"]
    (silent,) = TwoDateSites(Memory([memory("a_20170501"), memory("a_20180501")])).scenes()
    assert list(silent.remarks()) == []
