"""Disturbs real sweeps on a real SLURM in every way that clusters do, and checks that nothing is lost.

python scripts/slurm_faults.py [--only scancel …]

Needs the cluster of scripts/slurm_cluster.sh, whose daemons it kills. Prints how long each fault took to
be noticed (the trial is put back), and until the trial ran again; ends with 1 where that took too long
or an invariant of scripts/disturbed_sweep.py does not hold.
"""

import argparse
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Event, Lock

from optuna.trial import FrozenTrial, TrialState
from rich.table import Table

from hydra_sweep.study.queue import attempt_of
from scripts import slurm_causes as causes
from scripts.slurm_causes import console
from scripts.slurm_sweeps import (
    LOST_NODE,
    OUTAGE_S,
    ClusterSweep,
    calm_sweep,
    compare,
    given_up,
    low_sweep,
    main_sweep,
    slurm,
    wait_for,
)

NOTICED_S = 10.0
MAIN = (
    *("scancel", "kill -9", "requeue", "node lost", "held", "terminated"),
    *("pending", "slurmctld", "supervisor"),
)
LOW = ("preempted", "time limit")

outage_over = Event()  # jobs that are submitted within the 5 s before one are forgotten


@dataclass
class Seen:
    """How long after a fault it was noticed, and until its trial ran again."""

    fault: str
    noticed: float | None = None
    again: float | None = None

    @property
    def holds(self) -> bool:
        return self.noticed is not None and self.noticed <= NOTICED_S


def measure(
    fault: str, cause: Callable[[FrozenTrial], None], sweep: ClusterSweep, trial: FrozenTrial
) -> Seen:
    """Brings the fault about, and waits until its trial runs again."""
    seen, before = Seen(fault), attempt_of(trial)
    console.print(f"{fault}: trial {trial.number}, job {trial.user_attrs['worker']}", style="dim")
    cause(trial)
    begun = time.monotonic()
    sweep.wait_for(lambda: attempt_of(sweep.trial(trial.number)) > before)
    seen.noticed = time.monotonic() - begun
    sweep.wait_for(
        lambda: (now := sweep.trial(trial.number)).state.is_finished() or now.user_attrs.get("worker")
    )
    seen.again = time.monotonic() - begun
    return seen


def cancel_pending(sweep: ClusterSweep) -> Seen:
    """Of the array element that waits for resources."""
    pending = ("squeue", "--noheader", "--array", "--states=PENDING", f"--name={sweep.address.name}")
    job_id = sweep.wait_for(lambda: slurm(*pending, "--format=%i").split())[0]
    console.print(f"pending: job {job_id}", style="dim")
    slurm("scancel", job_id)
    begun = time.monotonic()
    sweep.wait_for(lambda: f"worker {job_id} was lost (by someone else: CANCELLED" in sweep.log.read_text())
    return Seen("pending", time.monotonic() - begun)


def restart_controller(sweep: ClusterSweep) -> Seen:
    """An outage says nothing about a job: none is put back.

    One that kills slurmctld before it has saved its state, which it does every 5 s, is another matter:
    it would start the jobs again, drain the nodes that have them, and hold the jobs.
    """
    time.sleep(6)
    before = sum(sweep.attempts())
    console.print(f"slurmctld: killed, for {OUTAGE_S:g} s", style="dim")
    causes.kill_daemon("slurmctld")
    time.sleep(OUTAGE_S)
    causes.heal()
    time.sleep(NOTICED_S / 2)
    after = sum(sweep.attempts())
    sweep.expect(after == before, f"put back in an outage: {before} times before it, {after} after")
    return Seen("slurmctld", 0.0)


def restart_supervisor(sweep: ClusterSweep) -> Seen:
    """Its workers go on; a task that is killed meanwhile is noticed by the next supervisor."""
    trial = sweep.wait_for_running(1)[0]
    sweep.supervisor.kill()
    sweep.supervisor.wait()
    causes.kill_task(trial)
    time.sleep(2)
    sweep.supervisor = sweep.start()
    return measure("supervisor", lambda _: None, sweep, trial)


def disturb_main(sweep: ClusterSweep, names: Iterable[str]) -> list[Seen]:
    """Some faults at once, each in a worker of its own, on a node of its own, after those that all feel:
    an outage later on would keep the other sweep's workers from hearing of their time limit."""
    sweep.wait_for(lambda: len(sweep.study.get_trials(states=(TrialState.RUNNING,))) >= 4)
    seen = []
    if "slurmctld" in names:
        seen.append(restart_controller(sweep))
    outage_over.set()
    if "supervisor" in names:
        seen.append(restart_supervisor(sweep))
    if "pending" in names:
        seen.append(cancel_pending(sweep))
    at_once = {
        "scancel": causes.scancel,
        "kill -9": causes.kill_task,
        "requeue": causes.requeue,
        "node lost": causes.lose_node,
    }
    for together in (at_once, {"held": causes.hold, "terminated": causes.terminate}):
        spared = Nodes(sweep)
        with ThreadPoolExecutor() as pool:
            faults = [
                pool.submit(spared.strike, name, together[name]) for name in together if name in names
            ]
            seen += [fault.result() for fault in faults]
    causes.heal()
    return seen


class Nodes:
    """Finds each fault a trial on a node of its own."""

    def __init__(self, sweep: ClusterSweep) -> None:
        self.sweep = sweep
        self.taken: set[str] = set()
        self.lock = Lock()

    def strike(self, fault: str, cause: Callable[[FrozenTrial], None]) -> Seen:
        trial = self.sweep.wait_for(lambda: self.take(lost=cause is causes.lose_node))
        return measure(fault, cause, self.sweep, trial)

    def take(self, lost: bool) -> FrozenTrial | None:
        with self.lock:
            for trial in self.sweep.wait_for_running(1):
                node = causes.node_of(trial)
                if node and node not in self.taken and (node == LOST_NODE) == lost:
                    self.taken.add(node)
                    return trial
        return None


def disturb_low(sweep: ClusterSweep, names: Iterable[str]) -> list[Seen]:
    """The first trial is preempted, and the second runs into the time limit of its worker; so may both,
    again. Each is struck in the midst of its first job, wherever the other is."""

    def strike(fault: str, cause: Callable[[FrozenTrial], None], number: int) -> Seen:
        def on_a_node() -> FrozenTrial | None:
            ours = (trial for trial in sweep.running() if trial.number == number)
            return next(filter(causes.node_of, ours), None)

        return measure(fault, cause, sweep, sweep.wait_for(on_a_node))

    faults = {"preempted": causes.preempt, "time limit": partial(causes.wait_for_limit, sweep)}
    with ThreadPoolExecutor() as pool:
        seen = [pool.submit(strike, f, faults[f], n) for n, f in enumerate(LOW) if f in names]
        return [one.result() for one in seen]


def run(folder: Path, names: list[str]) -> tuple[list[Seen], list[ClusterSweep]]:
    """Side by side the faults in `main` and those in `low`."""
    sweeps: list[ClusterSweep] = []

    def started(make: Callable[[Path], ClusterSweep]) -> ClusterSweep:
        sweeps.append(sweep := make(folder))
        return sweep

    def ended(sweep: ClusterSweep) -> None:
        sweep.wait_for_end()
        sweep.check()

    def in_main() -> list[Seen]:
        sweep = started(partial(main_sweep, names=names))
        seen = disturb_main(sweep, names)
        ended(sweep)
        return seen

    def in_low() -> list[Seen]:
        if set(names) & set(MAIN):
            wait_for(outage_over.is_set)
        sweep = started(low_sweep)
        seen = disturb_low(sweep, names)
        calm = started(calm_sweep)
        ended(sweep)
        ended(calm)
        compare(sweep, calm)
        return seen

    try:
        with ThreadPoolExecutor() as pool:
            wanted = [part for part, own in ((in_main, MAIN), (in_low, LOW)) if set(names) & set(own)]
            futures = [pool.submit(part) for part in wanted]
            try:
                done, _ = wait(futures, return_when=FIRST_EXCEPTION)
                return [one for future in done for one in future.result()], sweeps
            finally:
                given_up.set()
    finally:
        causes.heal()
        for sweep in sweeps:
            slurm("scancel", f"--name={sweep.address.name}")
            sweep.end()


def show(seen: list[Seen], sweeps: list[ClusterSweep], seconds: float) -> None:
    table = Table("fault", "noticed", "ran again")
    for one in seen:
        again = "" if one.again is None else f"{one.again:.1f} s"
        style = None if one.holds else "red"
        table.add_row(one.fault, f"{one.noticed:.1f} s", again, style=style)
    console.print(table)
    for sweep in sweeps:
        trials = sweep.study.get_trials(deepcopy=False)
        states = Counter(trial.state.name for trial in trials)
        counted = ", ".join(f"{n} {state}" for state, n in states.items())
        console.print(f"{sweep.address.name}: {counted}; put back {sum(sweep.attempts())} times")
        for line in sorted(sweep.broken):
            console.print(f"BROKEN: {line}", style="red")
    settings = slurm("scontrol", "show", "config").splitlines()
    accounting = next(line.split()[-1] for line in settings if line.startswith("AccountingStorageType"))
    console.print(f"{accounting}; {seconds / 60:.1f} minutes")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n\n")[0])
    parser.add_argument("--only", nargs="+", choices=[*MAIN, *LOW], default=[*MAIN, *LOW])
    names = parser.parse_args().only
    if not (causes.state() / "pid/slurmctld").exists():
        parser.error("first scripts/slurm_cluster.sh up, and . $STATE/env.sh")
    os.environ["OMP_NUM_THREADS"] = "1"
    started = time.monotonic()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        seen, sweeps = run(Path(folder), names)
        show(seen, sweeps, time.monotonic() - started)
    return 1 if any(sweep.broken for sweep in sweeps) or not all(one.holds for one in seen) else 0


if __name__ == "__main__":
    sys.exit(main())
