"""Root mean square error of the bare fraction on the card's folds, for other methods and for changed recipes.

Run from the repository: ``python -m benchmarks.severity_trials [--rule bright] [--only baselines]``; prints a Markdown
table. Nothing is chosen by it: the folds are those that the card reports. Estimates are held to 0..1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import combinations, combinations_with_replacement
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from models.severity import DARK
from training.severity.cross_validation import Recipe, cross_validate, read_recipe
from training.severity.evaluate import RULES
from training.severity.folds import FoldRule, fold_of_plots, same_spectrum
from training.severity.plots import Plots
from training.severity.scores import join
from training.severity.table import SeverityTable, read_table

CONFIG: Final = Path("configs/train/landsat_severity.yaml")
TABLE: Final = Path("configs/severity/bare_ground.yaml")
LEAST: Final = 1e-3
"""Reflectance below this is taken as this, so that it has a logarithm."""

type Features = Callable[[NDArray[np.float64]], NDArray[np.float64]]

NETWORKS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {
    "as shipped": {},
    "two hidden layers": {"network": {"depth": 2}},
    "four hidden layers of 24": {"network": {"depth": 4, "width": 24}},
    "64 wide": {"network": {"width": 64}},
    "one member": {"network": {"members": 1}},
    "rate 0.003": {"optimiser": {"learning_rate": 0.003}},
    "weight decay 0.1": {"optimiser": {"weight_decay": 0.1}},
    "no squared error of the bare fraction": {"loss": {"mean": 0.0}},
    "bare fraction only": {"loss": {"others": 0.0}},
    "no gains": {"noise": {"shared": 0.0, "band": 0.0}},
    "gains of 10 % and 3 %": {"noise": {"shared": 0.1, "band": 0.03}},
}
"""Name to what differs from the shipped recipe, by argument of the task."""


def bands(reflectance_PB: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reflectance itself."""
    return reflectance_PB


def logarithms(reflectance_PB: NDArray[np.float64]) -> NDArray[np.float64]:
    """Reflectance, its logarithms, and the products of any two of these."""
    logs_PB = np.log(np.maximum(reflectance_PB, LEAST))
    plain = np.concatenate([reflectance_PB, logs_PB], axis=1)
    pairs = combinations_with_replacement(range(plain.shape[1]), 2)
    return np.concatenate([plain, np.stack([plain[:, i] * plain[:, j] for i, j in pairs], axis=1)], axis=1)


def differences(reflectance_PB: NDArray[np.float64]) -> NDArray[np.float64]:
    """Logarithms of reflectance and all normalised differences."""
    pairs = combinations(range(reflectance_PB.shape[1]), 2)
    ratios = [
        (reflectance_PB[:, i] - reflectance_PB[:, j]) / (reflectance_PB[:, i] + reflectance_PB[:, j] + DARK)
        for i, j in pairs
    ]
    return np.concatenate([np.log(np.maximum(reflectance_PB, LEAST)), np.stack(ratios, axis=1)], axis=1)


def regressions() -> Mapping[str, tuple[Features, Any]]:
    """Name to features and scikit-learn regression."""
    return {
        "ridge regression, bands": (bands, Ridge(1e-3)),
        "ridge regression, bands, logarithms and products": (logarithms, make_pipeline(StandardScaler(), Ridge(0.01))),
        "support vector regression, logarithms and normalised differences": (
            differences,
            make_pipeline(StandardScaler(), SVR(C=0.3, epsilon=0.05)),
        ),
        "extremely randomised trees, the same features": (
            differences,
            ExtraTreesRegressor(500, min_samples_leaf=3, random_state=0, n_jobs=-1),
        ),
    }


def reflectance(plots: Plots, recipe: Recipe) -> NDArray[np.float64]:
    """Surface reflectance of the plots as the network sees it, (P, B)."""
    radiometry = recipe.build_data().product.radiometry
    return plots.dn_PB * radiometry.scale + radiometry.offset


def regression_rows(recipe: Recipe, rule: FoldRule) -> Iterator[tuple[str, float]]:
    """Names of regressions and their errors."""
    plots = recipe.build_data().plots
    count = recipe.build_data().hold_out.folds
    folds = fold_of_plots(plots, rule, count)
    splits = [(np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)) for fold in range(count)]
    for name, (features, model) in regressions().items():
        found = cross_val_predict(model, features(reflectance(plots, recipe)), plots.bare, cv=splits)
        yield name, rmse(np.clip(found, 0, 1), plots.bare)


def network_rows(recipe: Recipe, table: SeverityTable, rule: FoldRule) -> Iterator[tuple[str, float]]:
    """Names of changed recipes and their errors."""
    for name, changes in NETWORKS.items():
        arguments = dict(recipe.model["init_args"])
        for key, entries in changes.items():
            arguments[key] = {**arguments[key], **entries}
        changed = replace(recipe, model={**recipe.model, "init_args": arguments})
        found = join(cross_validate(changed, table, rule=rule))
        yield name, rmse(found.mean, found.bare)


def repeat_scatter(plots: Plots) -> tuple[int, float]:
    """Plots that share their spectrum, and the scatter of the bare fraction about each spectrum's mean.

    No estimate from one spectrum can be expected to do better.
    """
    groups = same_spectrum(plots)
    counts = np.bincount(groups)
    means = np.bincount(groups, weights=plots.bare) / counts
    repeated = counts[groups] > 1
    squares = ((plots.bare - means[groups])[repeated] ** 2).sum()
    return int(repeated.sum()), float(np.sqrt(squares / (counts[counts > 1] - 1).sum()))


def rmse(found: NDArray[np.float64], measured: NDArray[np.float64]) -> float:
    """Root mean square error."""
    return float(np.sqrt(np.mean((found - measured) ** 2)))


def main() -> int:
    """Print the table, line by line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=("baselines", "networks"))
    parser.add_argument("--rule", choices=RULES, default="random")
    options = parser.parse_args()
    recipe, table = read_recipe(CONFIG), read_table(TABLE)
    sys.stdout.write(f"| method | error, folds: {options.rule} |\n| --- | --- |\n")
    parts = {
        "baselines": regression_rows(recipe, options.rule),
        "networks": network_rows(recipe, table, options.rule),
    }
    for part in parts if options.only is None else (options.only,):
        for title, error in parts[part]:
            sys.stdout.write(f"| {title} | {error:.4f} |\n")
            sys.stdout.flush()
    plots, scatter = repeat_scatter(recipe.build_data().plots)
    sys.stdout.write(f"\n{plots} plots share their spectrum with another; they scatter by {scatter:.3f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
