"""Which search finds more for the same compute: tables in place of trainings, simulated time, no GPU.

    python scripts/benchmark_search.py [--seeds 30] [--workers 4 16] [--only random …] [--sweeps FILE]
    python scripts/benchmark_search.py --variants --workers 4
    python scripts/benchmark_search.py --smallest [--variants]

Prints which share of a table's configurations is as good as what a sweep has found, or better; how many
times ours that is (more than 1: ours finds better), with the interval of this; and on how many tables it is
less than ours. docs/search.md says more. Prints markdown where there is no terminal.
"""

import argparse
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import product
from pathlib import Path

import optuna
from rich.console import Console

from scripts.peers.environments import PeerError, folder_with, project_environment, python_with, versions
from scripts.search.figures import OURS, Figure, Sweeps, figures, show, slowness
from scripts.search.samplers import CONTESTANTS, VARIANTS
from scripts.search.simulation import Key, Plan, Sweep, run
from scripts.search.tables import FAMILIES, NAMES, PACKAGE

STOCK = "hydra-optuna-sweeper"
SYNE_TUNE = ("syne-tune-random", "syne-tune-cqr")
# CQR imports the second without asking for it.
SYNE_TUNE_PACKAGES = ("syne-tune>=0.16,<0.17", "huggingface_hub")
AIMED_AT, AIM = ("the time of 60", "60 trials"), 1.3
NOT_WORSE = ("the time of 20", "the time of 100", "20 trials", "100 trials")


def main() -> None:
    args = arguments()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # group is experimental, and the stock sweeper's node has deprecated arguments
    warnings.simplefilter("ignore")
    names, tables = [OURS, *(name for name in chosen(args) if name != OURS)], NAMES
    if args.smallest:
        tables, args.seeds, args.workers = NAMES[-1:], 2, [4]
    keys = [
        (name, workers, table, seed)
        for seed in range(args.seeds)
        for table in tables
        for name in names
        for workers in args.workers
    ]
    try:
        sweeps = collect(Plan(str(folder_with(PACKAGE)), keys, args.trials), args.sweeps)
    except PeerError as error:
        sys.exit(f"{PACKAGE}: {error}")
    all_figures = report(sweeps, names, args.workers)
    if args.json:
        args.json.write_text(json.dumps({"about": versions(), "figures": all_figures}, indent=1))
    sys.exit(len(sweeps) < len(keys))


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = [*CONTESTANTS, *SYNE_TUNE, *VARIANTS]
    parser.add_argument("--only", nargs="+", choices=known, help="besides ours")
    parser.add_argument("--variants", action="store_true", help="what ours could be, in place of others")
    parser.add_argument("--seeds", type=int, default=30, help="sweeps of each table")
    parser.add_argument("--workers", type=int, nargs="+", default=[4, 16], help="trials at once")
    parser.add_argument("--trials", type=int, default=100, help="of a sweep")
    parser.add_argument("--sweeps", type=Path, help="a file of sweeps: what it has is not run again")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    parser.add_argument("--smallest", action="store_true", help="one table, two seeds, without Syne Tune")
    return parser.parse_args()


def chosen(args: argparse.Namespace) -> Iterable[str]:
    if args.only:
        return args.only
    return VARIANTS if args.variants else CONTESTANTS if args.smallest else [*CONTESTANTS, *SYNE_TUNE]


def report(sweeps: Sweeps, names: list[str], all_workers: list[int]) -> dict[str, dict]:
    console = Console(width=None if sys.stdout.isatty() else 300, highlight=False)
    shown: dict[str, dict] = {}
    for workers, family in product(all_workers, ("", *FAMILIES)):
        rows = {name: one for name in names if (one := figures(sweeps, name, workers, family))}
        if rows:
            title = f"{workers} workers, {family or 'all tables'}"
            show(console, title, rows)
            shown[title] = {n: {m: asdict(f) for m, f in one.items()} for n, one in rows.items()}
        if not family:
            n = min(60, *(len(sweep.ends) for sweep in sweeps.values()))
            times = (f"{name} {slowness(sweeps, name, workers, n):.2f}" for name in rows)
            console.print(f"{n} trials take, over ours: {', '.join(times)}", *verdicts(rows), sep="\n")
    console.print(", ".join(f"{name} {value}" for name, value in versions().items()))
    return shown


def collect(plan: Plan, file: Path | None) -> Sweeps:
    """The sweeps of the plan: those that the file has are not run again, the others are added to it."""
    known = map(parse, file.read_text().splitlines()) if file and file.exists() else ()
    done = {key: sweep for key, sweep in known if len(sweep.ends) == plan.n_trials}
    missing = plan.of([key for key in plan.keys if key not in done])
    with open(file or os.devnull, "a") as lines:
        try:
            for n, (key, sweep) in enumerate(sweep_all(missing), start=1):
                done[key] = sweep
                print(json.dumps([key, asdict(sweep)]), file=lines, flush=True)
                if n % 100 == 0:
                    print(f"{n} of {len(missing.keys)} sweeps", file=sys.stderr, flush=True)
        except PeerError as error:
            print(error, file=sys.stderr)
    return {key: done[key] for key in plan.keys if key in done}


def sweep_all(plan: Plan) -> Iterator[tuple[Key, Sweep]]:
    """Raises PeerError where Syne Tune cannot be run, after all the others."""
    yield from run(plan.of([key for key in plan.keys if key[0] not in SYNE_TUNE]), CONTESTANTS | VARIANTS)
    theirs = plan.of([key for key in plan.keys if key[0] in SYNE_TUNE])
    if not theirs.keys:
        return
    command = [python_with(*SYNE_TUNE_PACKAGES), "-m", "scripts.search.syne_tune"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=project_environment(threads=1), **pipes) as process:
        process.stdin.write(json.dumps(asdict(theirs)))
        process.stdin.close()
        yield from map(parse, process.stdout)
    if process.returncode:
        raise PeerError(f"Syne Tune: its process ended with {process.returncode}")


def parse(line: str) -> tuple[Key, Sweep]:
    key, sweep = json.loads(line)
    return tuple(key), Sweep(**sweep)


def verdicts(rows: dict[str, dict[str, Figure]]) -> Iterator[str]:
    """In whom ours has its better, and what it is to the stock sweeper."""
    for name, row in rows.items():
        for when in NOT_WORSE:
            if (figure := row.get(when.removeprefix("the "))) and figure.high < 1:
                yield f"{name} finds more than ours after {when}: {figure}"
    for when in AIMED_AT:
        if figure := rows.get(STOCK, {}).get(when.removeprefix("the ")):
            yield f"{STOCK} over ours after {when}: {figure.ratio:.2f}; the aim is {AIM} or more"


if __name__ == "__main__":
    main()
