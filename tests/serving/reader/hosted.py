"""Inputs whose bytes lie on a host of a test: empty files in their place, and sources for them."""

import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from serving.fetch.ranged import RangePolicy
from tests.websites import quick, ranged

PATIENT = {"seconds": 20, "max_bytes": 10**8, "idle_s": 5}
SMALL = RangePolicy(block=1024, max_request=64 * 1024, max_ahead=4096, cache=128 * 1024)
"""Small files take several requests with it."""


@dataclass
class Hosted:
    """An input on a host.

    Attributes:
        place: the input as it is given to an opener.
        site: the host.
        budget: what is spent.
        sources: by place holders.
    """

    place: object
    site: object
    budget: object
    sources: dict = field(default_factory=dict)

    @property
    def requests(self):
        return len(self.site.asked)

    @property
    def size(self):
        return sum(source.size for source in self.sources.values())


@contextmanager
def hosted(world, path, folder, *, route=ranged, policy=SMALL, budget=None):
    """Serve a file, or all files of a folder, and put empty files into a new folder in their place."""
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    names = {f"/{number}.tif": file for number, file in enumerate(files)}
    routes = {name: route(file.read_bytes()) for name, file in names.items()}
    site = world.site(f"h{len(world.sites)}.example.org", routes)
    far = folder / "far"
    far.mkdir()
    place = far / path.name
    (place if path.is_dir() else far).mkdir(exist_ok=True)
    made = Hosted(place, site, budget or quick(**PATIENT))
    with ExitStack() as stack:
        for name, file in names.items():
            hole = place / file.name if path.is_dir() else place
            source = world.fetcher().open(site.url(name), folder / "whole", made.budget, policy=policy)
            stack.enter_context(source)
            hole.touch()
            made.sources[hole] = source
        yield made
    shutil.rmtree(far)


def options(**stated):
    """Arguments of ``Opener.scene`` with nothing stated."""
    return {"bands": None, "level": None, "radiometry": None, "dtype_wanted": "uint16"} | stated
