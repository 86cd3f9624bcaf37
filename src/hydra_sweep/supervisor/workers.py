"""The jobs of the launcher, seen from the supervisor."""

import time
from collections.abc import Iterable
from dataclasses import replace
from itertools import count, islice
from pathlib import Path
from typing import Any

import optuna
from omegaconf import OmegaConf

from hydra_sweep.console import say
from hydra_sweep.errors import SweepError
from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.space.grammar import in_words
from hydra_sweep.study.sweep_study import WORKERS
from hydra_sweep.supervisor.launching import threads_each
from hydra_sweep.sweep import Sweep
from hydra_sweep.worker.job import WorkerTask

POLL_S = 0.2
# Death is believed when told twice, this long apart, and by two answers of the launcher.
SECOND_LOOK_S = 1.0
# until jobs are submitted again, after none could be
RETRY_S = 20.0


class Workers:
    """The workers of a sweep. `places` are the living ones', by the launcher's ids: which of those side by
    side a worker is, and so which GPU is its own."""

    def __init__(
        self, sweep: Sweep, study: optuna.Study, launcher: Any, example_overrides: list[str]
    ) -> None:
        self.sweep = sweep
        self.study = study
        self.launcher = launcher
        self.overrides = worker_overrides(sweep, example_overrides)
        shares = launcher.jobs_share_machine
        of_worker = replace(sweep, threads=threads_each(sweep)) if shares else sweep
        launcher.task_function = WorkerTask(of_worker, example_overrides)
        self.places: dict[str, int] = {}
        self.suspects: dict[str, float] = {}
        self.started = self.cancelled = self.fruitless = 0
        self.progress: Any = None
        self.lack = 1
        self.heard: dict[str, Job] = {}
        self.looked_at = 0.0
        self.next_try = 0.0
        self.refusal = ""

    @property
    def ids(self) -> list[str]:
        return list(self.places)

    @property
    def second_look_s(self) -> float:
        return max(SECOND_LOOK_S, self.launcher.answer_age_s + POLL_S)

    def jobs(self) -> dict[str, Job]:
        """Those not known to be dead, as last heard of."""
        return self._look(self.ids)

    def alive(self, ids: Iterable[str]) -> set[str]:
        return {i for i, job in self._look(ids).items() if job.alive}

    def running(self, ids: Iterable[str]) -> set[str]:
        """Those that may be running a trial; a job that was requeued is not."""
        return {i for i, job in self._look(ids).items() if job.state == JobState.RUNNING}

    def was_cancelled(self, worker: str | None) -> bool:
        """Whether someone else ended it, as last heard."""
        return worker in self.heard and self.heard[worker].state == JobState.CANCELLED

    def _look(self, ids: Iterable[str]) -> dict[str, Job]:
        """How they are, or were at most POLL_S ago: to look costs for each."""
        ids, now = list(ids), time.monotonic()
        if now - self.looked_at > POLL_S:
            self.heard, self.looked_at = {}, now
        if others := set(ids) - self.heard.keys():
            self.heard |= self.launcher.look(sorted(others))
        return {i: self.heard[i] for i in ids}

    def keep(self, wanted: int, progress: Any) -> None:
        """Starts workers up to the number wanted.

        `progress` is anything that changes as trials are worked on. Raises SweepError where workers
        keep ending without it changing (something is wrong with them, not with a trial), where all were
        cancelled by someone else, after `max_retries` had been replaced, and where none lives and no more
        can be started.
        """
        self._bury()
        most_retries = self.sweep.settings.max_retries
        not_again = max(0, self.cancelled - most_retries)
        if not_again >= wanted and not self.ids:
            raise SweepError(
                f"{self.cancelled} workers were cancelled by someone else, and no more are started "
                f"(hydra.sweeper.max_retries={most_retries}). The same command goes on."
            )
        self.lack = lack = wanted - not_again - len(self.ids)
        if lack <= 0 or time.monotonic() < self.next_try:
            return
        if progress != self.progress:
            self.progress, self.fruitless = progress, 0
        if self.fruitless > most_retries + self.sweep.settings.n_jobs:
            raise SweepError(f"Workers keep ending before any work is done. {self._last_words()}")
        ids = self._submit(lack)
        self.lack -= len(ids)
        self.fruitless += len(ids) if self.started else 0
        self.started += len(ids)

    def settled(self) -> bool:
        """Whether all workers that are wanted live, as far as is known."""
        return self.lack <= 0 and not self.suspects

    def _submit(self, n: int) -> list[str]:
        """The ids of the workers started: none where they are refused, but others live."""
        places, most = list(islice(self.free_places(), n)), self.sweep.settings.n_jobs
        try:
            ids = self.launcher.submit([self.overrides] * n, places, at_once=most)
        except SweepError as error:
            if not self.ids:
                raise
            if str(error) != self.refusal:
                say(f"No more workers for now. {error}")
            self.refusal, ids = str(error), []
        self.places.update(zip(ids, places, strict=False))
        if ids:
            self._record()
        else:
            self.next_try = time.monotonic() + RETRY_S
        return ids

    def _bury(self) -> None:
        jobs, now = self.jobs(), time.monotonic()
        self.suspects = {i: self.suspects.get(i, now) for i, job in jobs.items() if not job.alive}
        gone = sorted(i for i, since in self.suspects.items() if now - since >= self.second_look_s)
        for i in gone:
            del self.places[i]
            self.cancelled += jobs[i].state == JobState.CANCELLED
            if jobs[i].state == JobState.HELD:
                self.launcher.cancel([i])
        if gone:
            self._record()

    def _record(self) -> None:
        record = {
            "places": self.places,
            "started with": self.started_with(),
            "on this machine": self.launcher.jobs_share_machine,
        }
        if self.study.user_attrs.get(WORKERS) != record:
            self.study.set_user_attr(WORKERS, record)

    def started_with(self) -> dict[str, Any]:
        """What a worker takes from its supervisor and that may differ in the next."""
        settings, fidelity = self.sweep.settings, self.sweep.fidelity
        nodes = {"sampler": settings.sampler, "pruner": settings.pruner}
        return {
            "overrides": self.sweep.space.fixed,
            **{name: OmegaConf.to_container(node, resolve=True) for name, node in nodes.items()},
            "seed": settings.seed,
            "slots": settings.slots,
            "trials_per_job": settings.trials_per_job,
            "stop": settings.stop,
            "repeats": settings.repeats,
            "fidelity": fidelity and [fidelity.key, list(fidelity.values), fidelity.go_on],
            "constraints": list(settings.constraints),
            "measures": settings.measures,
            "search space": in_words(self.sweep.space),
            "prior": {name: list(prior) for name, prior in self.sweep.space.priors.items()},
            "warm_start": list(settings.warm_start),
        }

    def free_places(self) -> Iterable[int]:
        return (place for place in count() if place not in self.places.values())

    def _last_words(self) -> str:
        folder = self.sweep.address.folder / "workers"
        logs = sorted(folder.glob("*.err"), key=lambda path: path.stat().st_mtime)
        lines = [line for path in logs[-1:] for line in path.read_text().splitlines() if line.strip()]
        said = f"The last one said: {lines[-1].strip()} " if lines else ""
        return f"{said}Their logs: {folder}"


def worker_overrides(sweep: Sweep, example_overrides: list[str]) -> list[str]:
    """Of the job that a worker is: a configuration of the sweep's, with its log among the workers'."""
    return [
        *sweep.space.fixed,
        *example_overrides,
        "hydra.sweep.subdir=workers",
        "hydra.output_subdir=null",
        "hydra.job.chdir=false",  # its trials begin where the command was given, as plain jobs do
        # what jobs log, and how, is for its trials: it sees to its own log
        "++hydra.job_logging.root=null",
        "hydra.verbose=false",
    ]


def known_ids(study: optuna.Study, folder: Path) -> set[str]:
    """The workers that were started in the sweep's folder, as far as it or the study tells."""
    submitted = (folder / "workers").glob("*_submitted.pkl")
    recorded = study.user_attrs.get(WORKERS, {"places": {}})["places"]
    return {path.name.removesuffix("_submitted.pkl") for path in submitted} | set(recorded)


def named(ids: list[str]) -> str:
    return ", ".join(ids)
