"""Random patches reach every pixel, gridded patches cover every scene once."""

import pytest
import torch

from training.datasets import SiteDataset, find_sites
from training.sampling import GriddedSitePatches, RandomSitePatches, SitePatches

NAMES = ("paris", "pisa", "worldcereal_preproc")
LEGENDS = {"source_legend": "dynamic-world", "target_legend": "unccd7"}


@pytest.fixture(scope="module")
def sites(data_root):
    found = find_sites(data_root / "s2_landcover")
    return [SiteDataset(found[name], bands=("B02", "B03", "B04"), **LEGENDS) for name in NAMES]


def offsets(site, index):
    x, y, _ = site.geo.bounds
    return round((y.stop - index.y.stop) / y.step, 6), round((index.x.start - x.start) / x.step, 6)


def test_random_patches_lie_on_the_pixel_grid_and_reach_the_edges(sites):
    torch.manual_seed(0)
    drawn = list(RandomSitePatches(sites, size=64, length=3000))
    places = {offsets(sites[0], index) for index in drawn if index.site == 0}
    assert len(drawn) == 3000
    assert all(row.is_integer() and col.is_integer() for row, col in places)
    height, width = sites[0].scene(sites[0].geo.index.index[0])["mask"].shape
    assert {row for row, _ in places} == set(range(height - 64 + 1))
    assert {col for _, col in places} == set(range(width - 64 + 1))


def test_sites_are_drawn_by_the_root_of_their_area_and_dates_alike(sites):
    torch.manual_seed(0)
    drawn = list(RandomSitePatches(sites, size=64, length=3000))
    shares = torch.tensor([sum(index.site == number for index in drawn) / 3000 for number in range(3)])
    roots = torch.tensor([site.area**0.5 for site in sites])
    torch.testing.assert_close(shares, roots / roots.sum(), atol=0.03, rtol=0)
    first = sum(index.t.start.year == 2016 for index in drawn if index.site == 0)
    assert first / sum(index.site == 0 for index in drawn) == pytest.approx(0.5, abs=0.05)


def test_small_site_lies_anywhere_inside_the_patch(sites):
    torch.manual_seed(0)
    drawn = [index for index in RandomSitePatches(sites, size=64, length=800) if index.site == 2]
    rows = {offsets(sites[2], index)[0] for index in drawn}
    assert min(rows) < -20
    assert max(rows) <= 0


@pytest.mark.parametrize("size", [32, 64, 128])
def test_gridded_patches_cover_every_pixel(sites, size):
    sampler = GriddedSitePatches(sites, size=size)
    patches = SitePatches(sites, mirror=False)
    seen = dict.fromkeys(NAMES, 0)
    for index in sampler:
        sample = patches[index]
        assert sample["image"].shape == (3, size, size)
        seen[sample["site"]] += int((sample["image"] > 0).any(dim=0).sum())
    for site in sites:
        pixels = sum(int((site.scene(when)["image"] > 0).any(dim=0).sum()) for when in site.geo.index.index)
        assert seen[site.site.name] >= pixels
    assert len(list(sampler)) == len(sampler)


def test_one_patch_larger_than_the_scene_counts_each_pixel_once(sites):
    patches = SitePatches(sites, mirror=False)
    indices = list(GriddedSitePatches(sites, size=128))
    assert len(indices) == sum(len(site.geo.index) for site in sites)
    labelled = sum(int((patches[index]["mask"] != 255).sum()) for index in indices)
    whole = sum(int((site.scene(when)["mask"] != 255).sum()) for site in sites for when in site.geo.index.index)
    assert labelled == whole


def test_random_draw_follows_the_seed(sites):
    draws = []
    for _ in range(2):
        torch.manual_seed(3)
        draws.append(list(RandomSitePatches(sites, size=32, length=5)))
    assert draws[0] == draws[1]
