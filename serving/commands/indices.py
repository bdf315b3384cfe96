"""``steppe indices``: spectral indices of a scene, with their formulas."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from landcover.errors import WrongUse
from serving.commands.common import (
    BandsOption,
    JsonOption,
    ProductOption,
    answering,
    echo_table,
    progress_bar,
    split_bands,
)
from serving.signals import stop_like_interrupt

if TYPE_CHECKING:
    from collections.abc import Mapping


def indices(
    scene: Annotated[
        Path | None,
        typer.Argument(
            metavar="SCENE",
            show_default=False,
            help="GeoTIFF with named bands, folder of per-band files, or SAFE folder.",
        ),
    ] = None,
    *,
    index: Annotated[
        list[str] | None,
        typer.Option("--index", "-i", metavar="NAME", help="Index, by its name in --list; several times for several."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="INDICES.tif", help="Raster, a float32 COG with one band an index; NaN = no data."
        ),
    ] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show all indices with formulas and sources.")] = False,
    fit: Annotated[
        Path | None,
        typer.Option(metavar="FIT.json", help="Keep the numbers of DDI and FVC that are fitted on this scene."),
    ] = None,
    fitted: Annotated[
        Path | None,
        typer.Option(metavar="FIT.json", help="Take the numbers of DDI and FVC from another scene, to compare both."),
    ] = None,
    ddi_index: Annotated[
        str, typer.Option(metavar="MSAVI|NDVI", help="Vegetation index of DDI when it is fitted.")
    ] = "MSAVI",
    bands: BandsOption = None,
    product: ProductOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compute spectral indices of a scene as reflectance.

    Bands are found by name; digital numbers become reflectance by the scale and offset that the scene states or
    --product stands for. Where a band has no data, or a formula divides by zero, there is no data. The formula of each
    index is in the tags of the raster.

    Vegetation and salinity of one scene: steppe indices A.SAFE -i MSAVI -i NDSI_salt -o indices.tif

    The same line of desertification on two dates: steppe indices 2016.tif -i DDI --fit fit.json -o ddi2016.tif, then
    steppe indices 2023.tif -i DDI --fitted fit.json -o ddi2023.tif
    """
    if listed:
        _list(as_json=as_json)
        return
    if scene is None or output is None:
        raise WrongUse("a scene and -o INDICES.tif are needed; steppe indices --list shows the indices")
    from indicators.spectral.ddi import INDICES  # noqa: PLC0415 - loads numpy
    from serving.indices import IndexOrder, write_indices  # noqa: PLC0415 - loads GDAL
    from serving.scenebands import Stated  # noqa: PLC0415

    if ddi_index not in INDICES:
        raise WrongUse(f"--ddi-index {ddi_index!r} is none of {', '.join(INDICES)}")
    order = IndexOrder(
        scene=scene,
        indices=tuple(index or ()),
        stated=Stated(bands=split_bands(bands), product=product),
        fitted=fitted,
        fit=fit,
        vegetation=ddi_index,
    )
    shown = sys.stderr.isatty() and not as_json
    with (
        stop_like_interrupt(publishes=True),
        progress_bar(f"indices of {scene.name}", shown=shown) as progress,
    ):
        document = write_indices(replace(order, progress=progress), output)
    with answering():
        if as_json:
            typer.echo(json.dumps(document, indent=2))
        else:
            _tell(document)


def _list(*, as_json: bool) -> None:
    from indicators.spectral.registry import INDICES  # noqa: PLC0415

    rows = [one.to_document() for one in INDICES.values()]
    with answering():
        if as_json:
            typer.echo(json.dumps(rows, indent=2))
            return
        from rich.table import Column, Table  # noqa: PLC0415 - slow to import

        table = Table(Column("index", no_wrap=True), "formula", "source and remarks")
        for row in rows:
            own = "" if row["computed_by"] == "spyndex" else "absent from spyndex"
            constants = ", ".join(f"{name} = {number:g}" for name, number in row["constants"].items())
            formula = f"{row['formula']} ({constants})" if constants else row["formula"]
            remarks = "; ".join(part for part in (row["source"], row["remark"], own) if part)
            table.add_row(row["name"], formula, f"{row['title']}; {remarks}")
        echo_table(table, least=100)


def _tell(document: Mapping[str, Any]) -> None:
    """The indices and what their bands hold, for people."""
    bands = ", ".join(f"{letter} = {name}" for letter, name in document["bands"].items())
    typer.echo(f"{document['scene']}: {bands}")
    for one in document["indices"]:
        values = one["values"]
        held = "no pixel has a value"
        if values["pixels"]:
            low, high, mean = (values[name] for name in ("minimum", "maximum", "mean"))
            held = f"{low:.4g} to {high:.4g}, mean {mean:.4g}, in {values['pixels']:,} pixels"
        typer.echo(f"  {one['name']} = {one['formula']}: {held}")
    for name, path in document["files"].items():
        typer.echo(f"  {name.ljust(8)} {path}")
