"""The jobs of the launcher, seen from the supervisor."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from hydra.core.plugins import Plugins

from src.sweep.errors import SweepError
from src.sweep.jobs import Job, JobState
from src.sweep.progress import say
from src.sweep.trial import Sweep
from src.sweep.worker import STOP_GRACE_S, Worker

POLL_S = 0.2
# Death is believed when told twice, this long apart, and by two answers of the launcher.
SECOND_LOOK_S = 1.0
# longer than a worker gives its trials
CANCEL_GRACE_S = STOP_GRACE_S + 15.0


@dataclass
class Workers:
    """The workers of a sweep. `ids` are the launcher's, of those not known to be dead."""

    sweep: Sweep
    example_overrides: list[str]
    ids: list[str] = field(default_factory=list)
    suspects: dict[str, float] = field(default_factory=dict)
    started: int = 0
    cancelled: int = 0
    fruitless: int = 0
    progress: int = -1

    def __post_init__(self) -> None:
        self.launcher = make_launcher(self.sweep, self.example_overrides)

    @property
    def second_look_s(self) -> float:
        return max(SECOND_LOOK_S, self.launcher.answer_age_s + POLL_S)

    def jobs(self) -> dict[str, Job]:
        """Those not known to be dead, as last heard of."""
        return self.launcher.look(self.ids)

    def alive(self, ids: Iterable[str]) -> set[str]:
        return {i for i, job in self.launcher.look(sorted(ids)).items() if job.alive}

    def running(self, ids: Iterable[str]) -> set[str]:
        """Those that may be running a trial; a job that was requeued is not."""
        return {i for i, job in self.launcher.look(sorted(ids)).items() if job.state == JobState.RUNNING}

    def adopt(self, ids: Iterable[str]) -> None:
        """Watches over workers that an earlier supervisor started, those of them that live."""
        self.ids += sorted(self.alive(set(ids) - set(self.ids)))

    def keep(self, wanted: int, progress: int) -> None:
        """Starts workers up to the number wanted.

        `progress` is any number that changes as trials are worked on. Raises SweepError where workers
        keep ending without it changing (something is wrong with them, not with a trial), or where all
        were cancelled by someone else, after `max_retries` had been replaced.
        """
        self._bury()
        not_again = max(0, self.cancelled - self.sweep.settings.max_retries)
        if not_again >= wanted and not self.ids:
            raise SweepError(
                f"{self.cancelled} workers were cancelled by someone else, and no more are started "
                f"(hydra.sweeper.max_retries={self.sweep.settings.max_retries}). The same command goes on."
            )
        if (lack := wanted - not_again - len(self.ids)) <= 0:
            return
        self.fruitless = self.fruitless + lack if self.started and progress == self.progress else 0
        self.progress = progress
        if self.fruitless > self.sweep.settings.max_retries + self.sweep.settings.n_jobs:
            raise SweepError(f"Workers keep ending before any work is done. {self._last_words()}")
        overrides = [self._overrides() for _ in range(lack)]
        at_once = self.sweep.settings.n_jobs
        ids = self.launcher.submit(overrides, initial_job_idx=self.started, at_once=at_once)
        self.ids += ids
        self.started += len(ids)

    def settled(self) -> bool:
        """Whether all workers that are wanted live, as far as is known."""
        return bool(self.ids) and not self.suspects

    def cancel(self, grace: float = CANCEL_GRACE_S) -> None:
        """Ends all workers: they put back their trials after a checkpoint; after `grace` seconds they
        are killed."""
        deadline = time.monotonic() + grace
        while alive := self.alive(self.ids):
            self.launcher.cancel(sorted(alive), force=time.monotonic() > deadline)
            time.sleep(max(POLL_S, self.launcher.answer_age_s))

    def join(self) -> None:
        """Waits for the workers to end, which they do by themselves when the queue is empty."""
        queued = [i for i, job in self.jobs().items() if job.state == JobState.QUEUED]
        self.launcher.cancel(queued)
        deadline = time.monotonic() + CANCEL_GRACE_S
        while self.alive(self.ids) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        self.cancel()

    def _bury(self) -> None:
        jobs, now = self.jobs(), time.monotonic()
        self.suspects = {i: self.suspects.get(i, now) for i, job in jobs.items() if not job.alive}
        gone = {i for i, since in self.suspects.items() if now - since >= self.second_look_s}
        self.ids = [i for i in self.ids if i not in gone]
        for i in sorted(gone):
            self.cancelled += jobs[i].state == JobState.CANCELLED
            if jobs[i].word not in ("", "COMPLETED"):
                say(f"Worker {i} ended: {jobs[i].word}")

    def _overrides(self) -> list[str]:
        return [
            *self.sweep.space.fixed,
            *self.example_overrides,
            "hydra.sweep.subdir=workers",
            "hydra.job.name=${hydra.job.id}",
            "hydra.output_subdir=null",
        ]

    def _last_words(self) -> str:
        folder = self.sweep.address.folder / "workers"
        logs = sorted(folder.glob("*.err"), key=lambda path: path.stat().st_mtime)
        lines = [line for path in logs[-1:] for line in path.read_text().splitlines() if line.strip()]
        said = f"The last one said: {lines[-1].strip()} " if lines else ""
        return f"{said}Their logs: {folder}"


def make_launcher(sweep: Sweep, example_overrides: list[str]) -> Any:
    """The configured launcher, with a worker as its task. Raises SweepError where it cannot serve."""
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=sweep.hydra_context, task_function=None, config=sweep.config
    )
    if not hasattr(launcher, "submit"):
        name = sweep.config.hydra.runtime.choices["hydra/launcher"]
        raise SweepError(
            f"hydra/launcher={name} waits for its jobs, but a sweep must watch them. Valid: local, slurm."
        )
    launcher.check()
    if launcher.jobs_share_machine and sweep.settings.trials_per_job and not sweep.settings.wait:
        raise SweepError(
            "hydra.sweeper.wait=false with trials_per_job: nobody would start the next worker here. "
            "Leave one of them out, or use a launcher that queues: hydra/launcher=slurm."
        )
    if launcher.jobs_share_machine:
        sweep = replace(sweep, threads=threads_each(sweep))
    launcher.task_function = Worker(sweep, example_overrides)
    return launcher


def threads_each(sweep: Sweep) -> int:
    """Each trial's share of this machine's CPUs: two that use all of them slow each other badly."""
    tasks = sweep.config.hydra.launcher.get("tasks_per_node") or 1
    side_by_side = sweep.settings.n_jobs * sweep.settings.slots * tasks
    return max(1, len(os.sched_getaffinity(0)) // side_by_side)
