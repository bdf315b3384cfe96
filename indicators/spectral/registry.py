"""Every spectral index that Steppe computes: name, formula, bands, source.

Indices that the package spyndex (https://github.com/awesome-spectral-indices/spyndex) has are computed by it, under its
names. Of the others several are called by names that mean something else there or elsewhere, so they get names of
their own: ``NDSI_salt``, not ``NDSI``, which is the snow index. Numbers of salinity indices differ between authors;
only the formula says which one it is.

Bands are reflectance from 0 to 1: B blue, G green, R red, N near infrared, S1 and S2 short-wave infrared about 1.6 and
2.2 um.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final

from landcover.errors import ConfigError

BANDS: Final = ("B", "G", "R", "N", "S1", "S2")
"""Letters of bands, as spyndex has them."""

_DOI: Final = "https://doi.org/"
_SALT: Final = "also in the R package SoilSaltIndex"


class UnknownIndex(ConfigError):
    """There is no spectral index of that name."""

    slug = "unknown-index"


class Origin(StrEnum):
    """What computes an index."""

    SPYNDEX = "spyndex"
    OWN = "own"
    FITTED = "fitted"
    """Own, with numbers that were fitted on a scene and are kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpectralIndex:
    """One index.

    Attributes:
        name: of the index, and of its band in outputs.
        title: for people.
        formula: in letters of bands.
        bands: letters that the formula needs.
        source: where it comes from.
        origin: what computes it; all but ``spyndex`` are absent from spyndex.
        constants: numbers of the formula that spyndex leaves open.
        remark: what is easily taken for something else; empty where nothing is.
    """

    name: str
    title: str
    formula: str
    bands: tuple[str, ...]
    source: str
    origin: Origin = Origin.OWN
    constants: Mapping[str, float] = MappingProxyType({})
    remark: str = ""

    @property
    def absent_from_spyndex(self) -> bool:
        """Whether spyndex does not have it."""
        return self.origin is not Origin.SPYNDEX

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "name": self.name,
            "title": self.title,
            "formula": self.formula,
            "constants": dict(self.constants),
            "bands": list(self.bands),
            "source": self.source,
            "computed_by": self.origin.value,
            "absent_from_spyndex": self.absent_from_spyndex,
            "remark": self.remark,
        }


def _spyndex(name: str, title: str, formula: str, bands: str, source: str, **more: Any) -> SpectralIndex:
    return SpectralIndex(
        name=name,
        title=title,
        formula=formula,
        bands=tuple(bands.split()),
        source=source,
        origin=Origin.SPYNDEX,
        **more,
    )


def _own(name: str, title: str, formula: str, bands: str, source: str, **more: Any) -> SpectralIndex:
    return SpectralIndex(name=name, title=title, formula=formula, bands=tuple(bands.split()), source=source, **more)


_EACH: Final = (
    # Formulas and references as spyndex 0.12.0 has them.
    _spyndex(
        "NDVI",
        "Normalized Difference Vegetation Index",
        "(N-R)/(N+R)",
        "N R",
        "https://ntrs.nasa.gov/citations/19740022614",
        remark="advised for humid to semi-arid land (MISLAND, OSS)",
    ),
    _spyndex(
        "SAVI",
        "Soil-Adjusted Vegetation Index",
        "(1.0+L)*(N-R)/(N+R+L)",
        "N R",
        f"{_DOI}10.1016/0034-4257(88)90106-X",
        constants=MappingProxyType({"L": 0.5}),
        remark="L = 0.5, as Huete 1988 advises; spyndex alone would take 1; advised for deserts (MISLAND, OSS)",
    ),
    _spyndex(
        "MSAVI",
        "Modified Soil-Adjusted Vegetation Index",
        "0.5*(2.0*N+1-(((2*N+1)**2)-8*(N-R))**0.5)",
        "N R",
        f"{_DOI}10.1016/0034-4257(94)90134-1",
        remark="the closed form, often called MSAVI2; advised for arid land and steppe (MISLAND, OSS)",
    ),
    _spyndex(
        "BI",
        "Bare Soil Index",
        "((S1+R)-(N+B))/((S1+R)+(N+B))",
        "S1 R N B",
        "http://citeseerx.ist.psu.edu/viewdoc/download?doi=10.1.1.465.8749&rep=rep1&type=pdf",
        remark="often called BSI; some authors call brightness indices BI",
    ),
    _spyndex("BaI", "Bareness Index", "R+S1-N", "R S1 N", f"{_DOI}10.1109/IGARSS.2005.1525743", remark="not BAI"),
    _spyndex("DBSI", "Dry Bareness Index", "((S1-G)/(S1+G))-((N-R)/(N+R))", "S1 G N R", f"{_DOI}10.3390/land7030081"),
    _spyndex("MBI", "Modified Bare Soil Index", "((S1-S2-N)/(S1+S2+N))+0.5", "S1 S2 N", f"{_DOI}10.3390/land10030231"),
    _spyndex(
        "NDMI",
        "Normalized Difference Moisture Index",
        "(N-S1)/(N+S1)",
        "N S1",
        f"{_DOI}10.1016/S0034-4257(01)00318-2",
    ),
    _spyndex(
        "MNDWI",
        "Modified Normalized Difference Water Index",
        "(G-S1)/(G+S1)",
        "G S1",
        f"{_DOI}10.1080/01431160600589179",
        remark="the same formula as the snow index NDSI",
    ),
    _spyndex(
        "BITM",
        "Landsat TM-based Brightness Index",
        "(((B**2.0)+(G**2.0)+(R**2.0))/3.0)**0.5",
        "B G R",
        f"{_DOI}10.1016/S0034-4257(98)00030-3",
    ),
    _spyndex(
        "BIXS",
        "SPOT HRV XS-based Brightness Index",
        "(((G**2.0)+(R**2.0))/2.0)**0.5",
        "G R",
        f"{_DOI}10.1016/S0034-4257(98)00030-3",
    ),
    _own(
        "TGSI",
        "Topsoil Grain Size Index",
        "(R-B)/(R+B+G)",
        "R B G",
        f"Xiao et al. 2006, Int. J. Remote Sens. 27, 2411-2422, {_DOI}10.1080/01431160600554363",
        remark="about 0.2 fine sand; near or below 0 vegetation and water",
    ),
    _own(
        "albedo_liang2001",
        "Broadband short-wave albedo",
        "0.356*B+0.130*R+0.373*N+0.085*S1+0.072*S2-0.0018",
        "B R N S1 S2",
        f"Liang 2001, Remote Sens. Environ. 76, 213-238, {_DOI}10.1016/S0034-4257(00)00205-4",
        remark="the constant is -0.0018 and nothing is divided; public code often has -0.018, or divides by 1.016",
    ),
    _own(
        "NDSI_salt",
        "Normalized Difference Salinity Index",
        "(R-N)/(R+N)",
        "R N",
        f"Khan et al. 2005, Agric. Water Manag. 77, 96-109, {_DOI}10.1016/j.agwat.2004.09.038; {_SALT}",
        remark="equals -NDVI; not the snow index NDSI",
    ),
    _own(
        "SI_salt",
        "Salinity Index",
        "sqrt(B*R)",
        "B R",
        f"Khan et al. 2005, Agric. Water Manag. 77, 96-109, {_DOI}10.1016/j.agwat.2004.09.038; {_SALT}",
        remark="not the shadow index SI",
    ),
    _own(
        "SI1_salt",
        "Salinity Index 1",
        "sqrt(G*R)",
        "G R",
        f"Douaoui et al. 2006, Geoderma 134, 217-230, {_DOI}10.1016/j.geoderma.2005.10.009; {_SALT}",
        remark="numbers of salinity indices differ between authors",
    ),
    _own(
        "SI2_salt",
        "Salinity Index 2",
        "sqrt(G**2+R**2+N**2)",
        "G R N",
        f"Douaoui et al. 2006, Geoderma 134, 217-230, {_DOI}10.1016/j.geoderma.2005.10.009; {_SALT}",
        remark="numbers of salinity indices differ between authors",
    ),
    _own(
        "SI3_salt",
        "Salinity Index 3",
        "sqrt(G**2+R**2)",
        "G R",
        f"Douaoui et al. 2006, Geoderma 134, 217-230, {_DOI}10.1016/j.geoderma.2005.10.009; {_SALT}",
        remark="numbers of salinity indices differ between authors",
    ),
    _own(
        "S5_salt",
        "Salinity Index S5",
        "B*R/G",
        "B R G",
        f"Abbas and Khan 2007, Asian Conference on Remote Sensing; {_SALT}",
        remark="elsewhere SI11",
    ),
    _own(
        "NSI_salt",
        "Salinity index of the short-wave infrared",
        "(S1-S2)/(S1-N)",
        "S1 S2 N",
        "R package SoilSaltIndex, as NSI",
        remark="without bound where S1 is near N",
    ),
    SpectralIndex(
        name="DDI",
        title="Desertification Difference Index",
        formula="k*VI-albedo_liang2001, albedo = a*VI+b, k = -1/a",
        bands=("B", "R", "N", "S1", "S2", "G"),
        source="Zeng et al. 2006, Scientia Geographica Sinica 26, 75-81",
        origin=Origin.FITTED,
        remark="low = more desertified; comparable only with the same a, b and k; separate salt crusts and water first",
    ),
    SpectralIndex(
        name="DDI_class",
        title="Class of the Desertification Difference Index",
        formula="1 + number of kept natural breaks below DDI; 1 = most desertified",
        bands=("B", "R", "N", "S1", "S2", "G"),
        source="Zeng et al. 2006, Scientia Geographica Sinica 26, 75-81; breaks: Fisher 1958, Jenks 1977",
        origin=Origin.FITTED,
        remark="comparable only with the same breaks; no national standard",
    ),
    SpectralIndex(
        name="FVC",
        title="Fractional vegetation cover",
        formula="min(1, max(0, (NDVI-NDVI_soil)/(NDVI_veg-NDVI_soil)))",
        bands=("N", "R"),
        source=f"Gutman and Ignatov 1998, Int. J. Remote Sens. 19, 1533-1543, {_DOI}10.1080/014311698215333",
        origin=Origin.FITTED,
        remark="NDVI_soil and NDVI_veg are the 5th and 95th percentile of NDVI in the scene that it was fitted on",
    ),
)

INDICES: Final[Mapping[str, SpectralIndex]] = MappingProxyType({index.name: index for index in _EACH})
"""Every index by name."""

_TRAPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "BSI": "the bare soil index is BI, its name in spyndex",
        "NDSI": "that is the snow index in spyndex; for salinity ask for NDSI_salt",
        "SI": "that is the shadow index in spyndex; for salinity ask for SI_salt",
        "SI1": "for salinity ask for SI1_salt",
        "SI2": "for salinity ask for SI2_salt",
        "SI3": "for salinity ask for SI3_salt",
        "S5": "for salinity ask for S5_salt",
        "NSI": "for salinity ask for NSI_salt",
        "DSI": "that is the drought stress index in spyndex",
        "BAI": "that is the burned area index in spyndex; the bareness index is BaI",
        "MSAVI2": "the closed form is MSAVI, its name in spyndex",
        "ALBEDO": "albedo after Liang 2001 is albedo_liang2001",
    }
)


def get_index(name: str) -> SpectralIndex:
    """The index of a name; capital and small letters count, for BaI and BAI are two.

    Raises:
        UnknownIndex: saying what was probably meant.
    """
    if name in INDICES:
        return INDICES[name]
    trap = _TRAPS.get(name) or _TRAPS.get(name.upper())
    if trap:
        raise UnknownIndex(f"{name!r} means different things to different authors: {trap}")
    raise UnknownIndex(f"there is no index {name!r}; choose of {', '.join(INDICES)}")
