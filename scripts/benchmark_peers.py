"""The same search by ours and by others, in turns: seconds of the whole command, and ours over theirs.

    python scripts/benchmark_peers.py [--repeats 5] [--only optuna ray-tune syne-tune template]
    python scripts/benchmark_peers.py --smallest

Ours has Lightning and MLflow on board. optuna (Optuna alone), ray-tune and syne-tune train in a plain
PyTorch loop; template is lightning-hydra-template's way. docs/benchmarks.md says more. Prints markdown
where there is no terminal.
"""

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from scripts.peers.environments import PeerError, project_environment, versions
from scripts.peers.loop import RAW, Search
from scripts.peers.measure import Figures, measure
from scripts.peers.tables import Repeat, show
from scripts.peers.ways import HALVED, WHOLE, Way
from src.data.mnist_files import prepare_mnist

PEERS = [name for name in HALVED | WHOLE if name != "ours"]


@dataclass(frozen=True)
class Contest:
    trials: int
    epochs: int
    ways: dict[str, Way]
    batches: int = 0  # of an epoch; 0: all there are

    def run(self, name: str, prefix: list[str], seed: int) -> Figures:
        """Raises PeerError where it fails, or does not train as many trials."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            search = Search(self.trials, self.epochs, seed, folder, self.batches)
            way = self.ways[name]
            command = [*prefix, *way.arguments(search)]
            figures = measure(command, project_environment(way.threads), Path(folder))
        if figures.trials != self.trials:
            raise PeerError(f"{figures.trials} trials were trained, expected {self.trials}")
        return figures


CONTESTS = {
    "20 trials of at most 5 epochs, halved after epochs 1 and 3": Contest(20, 5, HALVED),
    "4 trials of 2 epochs, of the learning rate alone": Contest(4, 2, WHOLE),
}
SMALLEST = {"2 trials of 20 batches": Contest(2, 1, HALVED, batches=20)}


class Benchmark:
    """Runs contests; says what fails, and goes on."""

    def __init__(self) -> None:
        self.failures = 0

    def prepare(self, contest: Contest, names: list[str], warm: bool) -> dict[str, list[str]]:
        """What the commands begin with, of those of `names` that can be run here.

        `warm`: each is run once, briefly, so that no measured run compiles what it imports.
        """
        prefixes = {}
        for name in names:
            with self.failures_of(name):
                prefix = contest.ways[name].prepare()
                if warm:
                    Contest(2, 1, contest.ways, batches=20).run(name, prefix, seed=0)
                prefixes[name] = prefix
        return prefixes

    def compete(self, contest: Contest, prefixes: dict[str, list[str]], repeats: int) -> list[Repeat]:
        """They take turns, also in being the first. The seeds are 1, 2, …"""
        found: list[Repeat] = []
        for seed in range(1, repeats + 1):
            found.append({})
            for place in range(len(prefixes)):
                name = [*prefixes][(seed + place) % len(prefixes)]
                with self.failures_of(f"{name}, repeat {seed}"):
                    found[-1][name] = contest.run(name, prefixes[name], seed)
                    say(f"{name}, repeat {seed}: {found[-1][name].wall:.1f} s")
        return found

    @contextmanager
    def failures_of(self, name: str) -> Iterator[None]:
        try:
            yield
        except PeerError as error:
            self.failures += 1
            say(f"{name}: {error}")


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", nargs="+", choices=PEERS, default=PEERS, help="besides ours")
    parser.add_argument("--smallest", action="store_true", help="ours and optuna, of a few batches, once")
    parser.add_argument("--json", type=Path, help="a file for all figures")
    args = parser.parse_args()
    contests, repeats = (SMALLEST, 1) if args.smallest else (CONTESTS, args.repeats)
    only = {"ours", "optuna"} if args.smallest else {"ours", *args.only}
    prepare_mnist(RAW.parents[1])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # what runs is ended too

    console = Console(width=None if sys.stdout.isatty() else 200, highlight=False)
    benchmark, all_figures = Benchmark(), {}
    machine = {"cores": os.cpu_count(), "load before": round(os.getloadavg()[0], 2)}
    for title, contest in contests.items():
        names = [name for name in contest.ways if name in only]
        if names == ["ours"]:
            continue
        prefixes = benchmark.prepare(contest, names, warm=not args.smallest)
        all_figures[title] = benchmark.compete(contest, prefixes, repeats)
        show(console, title, all_figures[title])
    about = machine | {"python": platform.python_version()} | versions()
    console.print("\n" + ", ".join(f"{name} {value}" for name, value in about.items()))
    if args.json:
        plain = {t: [{n: asdict(f) for n, f in one.items()} for one in r] for t, r in all_figures.items()}
        args.json.write_text(json.dumps({"about": about, "figures": plain}, indent=1))
    sys.exit(benchmark.failures > 0)


if __name__ == "__main__":
    main()
