"""How long a sweep of sleeping trials takes, over the greedy schedule of the same durations.

    python scripts/benchmark_overhead.py [--trials 64] [--slots 8] [--repeats 1] [--ours-only]

Prints ours beside hydra-optuna-sweeper with submitit_local, for trials of exactly 1 s and for
log-normal ones (median 1 s, sigma 0.5, always the same list). Counted from the first trial's start to
the last one's end; 1.00 is a schedule without any overhead. Of several repeats the median, with the least
and the most: of log-normal trials it is also luck which of them begin last.
"""

import argparse
import heapq
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import optuna
from rich.console import Console
from rich.table import Table

from hydra_sweep.study.storage import StudyAddress

TOY = Path(__file__).resolve().parents[1] / "tests" / "toy" / "toy.py"


def greedy(seconds: list[float], slots: int) -> float:
    """The makespan when each trial in turn goes to the slot that is free first."""
    free = [0.0] * slots
    for duration in seconds:
        heapq.heappush(free, heapq.heappop(free) + duration)
    return max(free)


def sweep(seconds: list[float], overrides: list[str], folder: str) -> Path:
    """Runs the toy and returns the sweep's folder."""
    durations = Path(folder, "durations")  # in the configuration they would be copied in each trial
    durations.write_text("".join(f"{s:.3f}\n" for s in seconds))
    command = [
        sys.executable,
        str(TOY),
        "-m",
        f"seconds={durations}",
        f"hydra.sweeper.n_trials={len(seconds)}",
        f"hydra.sweep.dir={folder}/toy",
        *overrides,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600)
    if done.returncode:
        sys.exit(done.stderr)
    return Path(folder) / "toy"


def ours(seconds: list[float], slots: int, n_jobs: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        split = [f"hydra.sweeper.n_jobs={n_jobs}", f"hydra.sweeper.slots={slots // n_jobs}"]
        done = sweep(seconds, split, folder)
        # By the study, whose trials start when they are claimed: before sampling, fork and compose.
        trials = StudyAddress("toy", done).load().trials
        assert all(trial.state.name == "COMPLETE" for trial in trials)
        starts = [trial.datetime_start for trial in trials]
        ends = [trial.datetime_complete for trial in trials]
        return (max(ends) - min(starts)).total_seconds()


def stock(seconds: list[float], slots: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        plugins = ["hydra/sweeper=optuna", "hydra/launcher=submitit_local"]
        done = sweep(seconds, [*plugins, f"hydra.sweeper.n_jobs={slots}"], folder)
        times = [tuple(map(float, line.split())) for line in (done / "times").open()]
        return max(end for _, _, end in times) - min(start for _, start, _ in times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--trials", type=int, default=64)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--ours-only", action="store_true")
    args = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    lognormal = np.random.default_rng(0).lognormal(0, 0.5, args.trials).round(3).tolist()
    lists = {"exactly 1 s": [1.0] * args.trials, "log-normal": lognormal}
    ways = {f"ours, {n} x {args.slots // n} slots": (ours, (args.slots, n)) for n in args.workers}
    if not args.ours_only:
        ways["stock, submitit_local"] = (stock, (args.slots,))
    table = Table("trials", "", "seconds", "greedy schedule", "ratio (least to most)")
    for name, seconds in lists.items():
        best = greedy(seconds, args.slots)
        for way, (run, arguments) in ways.items():
            took = sorted(run(seconds, *arguments) for _ in range(args.repeats))
            median = statistics.median(took)
            ratios = f"{median / best:.2f} ({took[0] / best:.2f} to {took[-1] / best:.2f})"
            table.add_row(name, way, f"{median:.2f}", f"{best:.2f}", ratios)
    Console(width=max(100, int(os.environ.get("COLUMNS", 0)))).print(table)


if __name__ == "__main__":
    main()
