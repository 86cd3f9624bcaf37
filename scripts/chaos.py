"""Kills trials, workers and supervisors of a real sweep at random, and checks that nothing is lost and
nothing trained twice.

python scripts/chaos.py --kills 200 --seed 1 [hydra/sweeper/pruner=asha …]

Each time the supervisor is killed it is started again with the same command. When all kills are done
the sweep runs to its end. Prints kills by kind, put-backs and repeated epochs; ends with 1 where an
invariant does not hold.
"""

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from itertools import chain
from pathlib import Path

import psutil
from optuna.trial import FrozenTrial
from rich.console import Console
from rich.table import Table

from hydra_sweep.study.queue import attempt_of
from scripts.disturbed_sweep import MnistSweep, children, kill

SHORT = ("trainer.max_epochs=4", "+trainer.limit_train_batches=60", "+trainer.limit_val_batches=10")
# a helper imports and is forked, or tracks
KINDS = {"trial": 65, "worker": 15, "helper": 5, "supervisor": 12, "all of them": 3}
MEAN_S = 0.7  # between two kills
ORPHAN_S = 5.0  # what is killed takes a moment to be gone
PATIENCE_S = 300  # for something to kill, and for the end

console = Console(highlight=False)


class Chaos(MnistSweep):
    def __init__(
        self, folder: Path, seed: int, n_trials: int, storage: str | None, overrides: list[str]
    ) -> None:
        self.random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.orphaned: dict[int, float] = {}  # since when
        super().__init__(folder, "chaos", n_trials, *SHORT, *overrides, storage=storage)

    def look(self) -> None:
        super().look()
        now = time.monotonic()
        self.orphaned = {pid: self.orphaned.get(pid, now) for pid in self.orphans()}
        for pid, since in self.orphaned.items():
            self.expect(now - since < ORPHAN_S, f"worker {pid} lives on without its job's process")

    def run(self, n_kills: int) -> None:
        while sum(self.kills.values()) < n_kills:
            time.sleep(self.random.expovariate(1 / MEAN_S))
            (kind,) = self.random.choices(list(KINDS), list(KINDS.values()))
            if victims := self.wait_for(kind):
                for victim in victims:
                    kill(victim)
                self.kills[kind] += 1
                console.print(f"{sum(self.kills.values())}/{n_kills} killed: {kind}", style="dim")
        while not self.ended():
            time.sleep(0.5)
            self.look()

    def wait_for(self, kind: str) -> list[psutil.Process]:
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            if self.ended():  # before all kills were done: more to do
                self.n_trials += 10
                self.supervisor = self.start()
            self.look()
            if victims := self.victims(kind):
                return victims
            time.sleep(0.1)
        raise TimeoutError(f"there was no {kind} to kill for {PATIENCE_S} s, see {self.folder}")

    def ended(self) -> bool:
        """Whether the sweep has come to its end. Starts the supervisor again where it was killed."""
        code = self.supervisor.poll()
        if code is not None and code != 0:
            if code != -9:
                raise RuntimeError(f"The supervisor ended with {code}, see {self.log}")
            self.supervisor = self.start()
        return code == 0 and self.restart_if_short()

    def restart_if_short(self) -> bool:
        if len(self.seen) >= self.n_trials:
            return True
        self.supervisor = self.start()
        return False

    def victims(self, kind: str) -> list[psutil.Process]:
        jobs, workers, trials = self.jobs()
        own = self.own_process()
        helpers = list(chain(*map(children, own)))
        one_of = {"trial": trials, "worker": [*jobs, *workers], "helper": helpers, "supervisor": own}
        if kind in one_of:
            return [self.random.choice(one_of[kind])] if one_of[kind] else []
        return [*own, *helpers, *jobs, *workers, *trials] if trials else []

    def own_process(self) -> list[psutil.Process]:
        with suppress(psutil.NoSuchProcess):
            return [psutil.Process(self.supervisor.pid)]
        return []


def show(chaos: Chaos, trials: list[FrozenTrial], repeated: int, seconds: float) -> None:
    table = Table("what", "number")
    for kind in KINDS:
        table.add_row(f"killed: {kind}", str(chaos.kills[kind]))
    states = Counter(trial.state.name for trial in trials)
    table.add_row("trials", ", ".join(f"{n} {state}" for state, n in states.items()))
    table.add_row("put back", str(sum(map(attempt_of, trials))))
    table.add_row("epochs", str(sum(len(trial.intermediate_values) for trial in trials)))
    table.add_row("epochs repeated", str(repeated))
    table.add_row("minutes", f"{seconds / 60:.1f}")
    console.print(table)
    for line in sorted(chaos.broken):
        console.print(f"BROKEN: {line}", style="red")
    if not chaos.broken:
        console.print("Every invariant holds.", style="green")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0, help="of what is killed, and when")
    parser.add_argument("--trials", type=int, help="default: as many as kills; more where they end first")
    parser.add_argument("--storage", help="URL of the study's storage; default: a journal")
    parser.add_argument("overrides", nargs="*", help="of the sweep's command")
    arguments = parser.parse_args()
    started = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        n_trials = arguments.trials or arguments.kills
        chaos = Chaos(Path(folder), arguments.seed, n_trials, arguments.storage, arguments.overrides)
        try:
            chaos.run(arguments.kills)
            show(chaos, *chaos.check(), time.monotonic() - started)
        finally:
            chaos.end()
    return 1 if chaos.broken else 0


if __name__ == "__main__":
    sys.exit(main())
