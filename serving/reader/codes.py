"""Maps of codes that a reader has open, as if this process had."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from landcover.raster.categorical import CodeMap
from landcover.raster.protocol import ReadPolicy
from landcover.raster.stated_legend import parse_legend
from serving.reader.answers import CodesOpened
from serving.reader.process import NO_FILES, FarFiles, Reader
from serving.reader.remote import Held, RemoteScene, place_to_json
from serving.reader.wire import Malformed


def open_remote_codes(reader: Reader, place: Path, policy: ReadPolicy, files: FarFiles = NO_FILES) -> CodeMap:
    """Have a map of codes opened; see ``landcover.raster.categorical.open_codes``.

    What the file says of its legend is text of a stranger: it is read here as anybody's would be, and a legend that
    Steppe knows is Steppe's own.

    Args:
        reader: closed with the map, but not when there is none.
        place: absolute path of the input.
        policy: limits and habits of reading.
        files: those of the input whose bytes lie elsewhere.

    Raises:
        DataError: when it cannot be used; see ``Reader.ask``.
        Upstream: when a host fails.
    """
    question = {"do": "codes", "policy": asdict(policy)} | place_to_json(reader, place)
    opened = reader.ask_first(CodesOpened, question, files)
    try:
        header = opened.header(policy)
    except Malformed as error:
        raise reader.refuse() from error
    return CodeMap(RemoteScene(Held(reader), header), opened.nodata, parse_legend(opened.legend), opened.scaled)
