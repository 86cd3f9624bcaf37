"""When `hydra.sweeper.stop.expected_gain` ends a sweep, and what it leaves to be found: tables in place of
trainings.

    python scripts/benchmark_stop.py [--seeds 8] [--workers 4] [--trials 100] [--sweeps FILE]

A table's noise is how much the trainings of its best twentieth differ by their seed. Prints for each rule
after how many trials it ends a sweep, and by how much what looks best then is worse than what does after
all, by the mean over seeds, in units of the noise; beside it, what ends all sweeps after as many trials.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
from rich.console import Console
from rich.table import Table

from hydra_sweep.study.expected_gain import ExpectedGain
from scripts.benchmark_search import collect
from scripts.peers.environments import folder_with
from scripts.search.figures import Sweeps
from scripts.search.simulation import Plan, Sweep
from scripts.search.tables import NAMES, PACKAGE, load

# how many trials of a sweep are run, of the losses in the order in which they end, and the noise
Rule = Callable[[np.ndarray, float], int]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=8, help="sweeps of each table")
    parser.add_argument("--workers", type=int, default=4, help="trials at once")
    parser.add_argument("--trials", type=int, default=100, help="of a sweep")
    parser.add_argument("--tables", nargs="+", choices=NAMES, default=NAMES)
    parser.add_argument("--sweeps", type=Path, help="a file of sweeps: what it has is not run again")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    searches, seeds = ("ours", "random"), range(args.seeds)
    keys = [(s, args.workers, table, seed) for seed in seeds for table in args.tables for s in searches]
    sweeps = collect(Plan(str(folder_with(PACKAGE)), keys, args.trials), args.sweeps)
    noises = {name: noise_of(name) for name in args.tables}
    for search in searches:
        Console(width=120, highlight=False).print(table_of(search, sweeps, noises))


def table_of(search: str, sweeps: Sweeps, noises: dict[str, float]) -> Table:
    own = [(sweep, noises[name]) for (who, _, name, _), sweep in sweeps.items() if who == search]
    shown = Table(title=f"{search}, {len(own)} sweeps", title_justify="left")
    for column in ("rule", "ends after", "worse by", "median", "9 of 10", "as many trials: worse by"):
        shown.add_column(column, justify="left" if column == "rule" else "right")
    for name, rule in RULES.items():
        ends, worse = np.array([ended(sweep, noise, rule) for sweep, noise in own]).T
        fixed = [ended(sweep, noise, lambda *_: round(ends.mean()))[1] for sweep, noise in own]  # noqa: B023
        numbers = worse.mean(), np.median(worse), np.quantile(worse, 0.9), np.mean(fixed)
        shown.add_row(name, f"{ends.mean():.0f}", *(f"{number:.2f}" for number in numbers))
    return shown


def ended(sweep: Sweep, noise: float, rule: Rule) -> tuple[int, float]:
    """After how many trials, and how much worse than after all is what looks best then."""
    order = np.argsort(sweep.ends, kind="stable")
    losses, means = np.array(sweep.losses)[order], np.array(sweep.means)[order]
    n = rule(losses, noise)
    return n, (means[np.argmin(losses[:n])] - means[np.argmin(losses)]) / noise


def expected_gain(losses: np.ndarray, noise: float) -> int:
    gain = ExpectedGain(maximize=False)
    for n, loss in enumerate(losses, start=1):
        gain.learn(optuna.trial.create_trial(value=loss), is_feasible=True)
        if (left := gain.of(len(losses))) is not None and left < noise:
            return n
    return len(losses)


def patience(most: int) -> Rule:
    def rule(losses: np.ndarray, _: float) -> int:
        bests = np.minimum.accumulate(losses)
        waits = (n for n in range(most + 1, len(losses)) if bests[n - 1] == bests[n - 1 - most])
        return next(waits, len(losses))

    return rule


RULES: dict[str, Rule] = {
    "expected_gain=noise": expected_gain,
    "patience=20": patience(20),
    "patience=30": patience(30),
}


def noise_of(name: str) -> float:
    losses = load(folder_with(PACKAGE), name).losses
    losses = losses.reshape(-1, losses.shape[-1])
    best = np.argsort(losses.mean(axis=1))[: len(losses) // 20]  # NaN, of what is in no table, comes last
    return float(losses[best].std(axis=1, ddof=1).mean())


if __name__ == "__main__":
    main()
