"""What sweeps have found, beside ours."""

from dataclasses import dataclass

import numpy as np
from rich import box
from rich.console import Console
from rich.table import Table

from scripts.search.simulation import Key, Sweep

OURS = "ours"
TRIALS, TIMES = (10, 20, 60, 100), (20, 60, 100)
MEASURES = [f"{n} trials" for n in TRIALS] + [f"time of {n}" for n in TIMES]
RESAMPLES = 2000

Sweeps = dict[Key, Sweep]


@dataclass(frozen=True)
class Figure:
    """Geometric means over tables and seeds: the share of the table that is as good or better, this over
    ours, and what lies around that in 95 % of bootstrap samples of tables, and of seeds in each. `less_on`:
    on so many tables its median over the seeds is less than ours."""

    share: float
    ratio: float
    low: float
    high: float
    less_on: int
    tables: int
    seeds: int

    def __str__(self) -> str:
        return f"{self.share:.2%} · {self.ratio:.2f} ({self.low:.2f} to {self.high:.2f}) · {self.less_on}"


def figures(sweeps: Sweeps, name: str, workers: int, family: str = "") -> dict[str, Figure]:
    """By what is measured; of the seeds that there are for each table, of both."""
    both = _both(sweeps, name, workers, family)
    tables = sorted({table for table, _ in both})
    seeds = [s for s in sorted({seed for _, seed in both}) if all((table, s) in both for table in tables)]
    if not seeds:
        return {}
    cells = [[_measures(*both[table, seed]) for seed in seeds] for table in tables]
    found = {}
    for measure in set.intersection(*(set(cell) for row in cells for cell in row)):
        logs = np.log([[cell[measure] for cell in row] for row in cells])  # table, seed, which of both
        share = float(np.exp(logs[..., 0].mean()))
        interval = map(float, np.exp(_with_interval(logs[..., 0] - logs[..., 1])))
        medians = np.median(logs, axis=1)
        less_on = int((medians[:, 0] < medians[:, 1]).sum())
        found[measure] = Figure(share, *interval, less_on, len(tables), len(seeds))
    return found


def slowness(sweeps: Sweeps, name: str, workers: int, n: int) -> float:
    """How many times as long as with ours it takes until so many trials have ended: the geometric mean."""
    ends = [
        (sorted(sweep.ends)[n - 1], sorted(ours.ends)[n - 1])
        for sweep, ours in _both(sweeps, name, workers).values()
    ]
    return float(np.exp(np.mean([np.log(theirs / ours) for theirs, ours in ends])))


def _both(
    sweeps: Sweeps, name: str, workers: int, family: str = ""
) -> dict[tuple[str, int], tuple[Sweep, Sweep]]:
    """Its sweep and ours, by table and seed."""
    return {
        (table, seed): (sweep, sweeps[OURS, workers, table, seed])
        for (each, n, table, seed), sweep in sweeps.items()
        if (each, n) == (name, workers) and (OURS, n, table, seed) in sweeps and table.startswith(family)
    }


def _measures(sweep: Sweep, ours: Sweep) -> dict[str, tuple[float, float]]:
    """What each has found: the first trials are what a sweep of no more would have had."""
    n_trials = len(sweep.ends)
    found = {f"{n} trials": (sweep.found(n), ours.found(n)) for n in TRIALS if n <= n_trials}
    if n_trials == len(ours.ends):
        until = {n: sorted(ours.ends)[n - 1] for n in TIMES if n <= n_trials}
        found |= {f"time of {n}": (sweep.found(until=t), ours.found(until=t)) for n, t in until.items()}
    return found


def _with_interval(logs: np.ndarray) -> tuple[float, float, float]:
    random = np.random.default_rng(0)
    n_tables, n_seeds = logs.shape
    tables = random.integers(n_tables, size=(RESAMPLES, n_tables, 1))
    seeds = random.integers(n_seeds, size=(RESAMPLES, n_tables, n_seeds))
    means = logs[tables, seeds].mean(axis=(1, 2))
    return logs.mean(), *np.quantile(means, [0.025, 0.975])


def show(console: Console, title: str, rows: dict[str, dict[str, Figure]]) -> None:
    shown = [m for m in MEASURES if any(m in row for row in rows.values())]
    table = Table(
        "", "tables", "seeds", *shown, box=box.HEAVY_HEAD if console.is_terminal else box.MARKDOWN
    )
    for name, row in rows.items():
        any_of = next(iter(row.values()))
        cells = (str(row.get(measure, "")) for measure in shown)
        table.add_row(name, str(any_of.tables), str(any_of.seeds), *cells)
    console.print(f"\n{title}:", style="bold")
    console.print(table)
