"""The jobs of the launcher, seen from the supervisor."""

import time
from collections.abc import Iterable
from contextlib import suppress
from itertools import count, islice
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.exceptions import StorageInternalError

from src.sweep.errors import SweepError
from src.sweep.jobs import Job, JobState
from src.sweep.launching import worker_overrides
from src.sweep.progress import say
from src.sweep.trial import Sweep
from src.sweep.worker import ENDING, STOP_GRACE_S

POLL_S = 0.2
# Death is believed when told twice, this long apart, and by two answers of the launcher.
SECOND_LOOK_S = 1.0
# longer than a worker gives its trials
CANCEL_GRACE_S = STOP_GRACE_S + 15.0
# how long jobs that were killed may take to be gone: a cluster may clean up after them for hours
KILL_GRACE_S = 30.0
# until jobs are submitted again, after none could be
RETRY_S = 20.0
# the study's attribute: the place of each worker, by id, and what they were started with
WORKERS = "started workers"


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
        self.places: dict[str, int] = {}
        self.suspects: dict[str, float] = {}
        self.started = self.cancelled = self.fruitless = 0
        self.progress, self.lack = -1, 1
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
        return self.launcher.look(self.ids)

    def alive(self, ids: Iterable[str]) -> set[str]:
        return {i for i, job in self.launcher.look(sorted(ids)).items() if job.alive}

    def running(self, ids: Iterable[str]) -> set[str]:
        """Those that may be running a trial; a job that was requeued is not."""
        return {i for i, job in self.launcher.look(sorted(ids)).items() if job.state == JobState.RUNNING}

    def adopt(self, busy: set[str]) -> None:
        """Watches over the workers of an earlier supervisor that live, `busy` among them. Ends those that
        were started otherwise than this sweep asks for, and those beyond `n_jobs`."""
        known = self.study.user_attrs.get(WORKERS, {"places": {}})
        submitted = (self.sweep.address.folder / "workers").glob("*_submitted.pkl")
        ids = {path.name.removesuffix("_submitted.pkl") for path in submitted}
        jobs = self._heard_of(ids | busy | known["places"].keys())
        self.launcher.cancel([i for i, job in jobs.items() if job.state == JobState.HELD])
        # the busy first, so that they stay
        alive = sorted((i for i, job in jobs.items() if job.alive), key=lambda i: (i not in busy, i))
        self.places = {i: known["places"][i] for i in alive if i in known["places"]}
        for i in alive:
            if i not in self.places:
                self.places[i] = next(self._free_places())
        if alive and (changed := _differing(known.get("started with", {}), self._started_with())):
            say(f"Workers of an earlier supervisor end, for they were started with other {changed}.")
            self.cancel()
        elif beyond := alive[self._most() :]:
            say(f"Workers of an earlier supervisor end, for there are more than n_jobs: {_named(beyond)}")
            self.cancel(beyond)
        if self.ids:
            say(f"Workers of an earlier supervisor go on: {_named(self.ids)}")

    def _heard_of(self, ids: Iterable[str]) -> dict[str, Job]:
        """How these jobs are, once the launcher's system answers."""
        jobs = self.launcher.look(sorted(ids))
        if self.launcher.is_silent:
            say("No answer about the workers of an earlier supervisor: waiting for one …")
        while self.launcher.is_silent:
            time.sleep(max(POLL_S, self.launcher.answer_age_s + POLL_S))
            jobs = self.launcher.look(sorted(ids))
        return jobs

    def keep(self, wanted: int, progress: int) -> None:
        """Starts workers up to the number wanted.

        `progress` is any number that changes as trials are worked on. Raises SweepError where workers
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

    def cancel(self, ids: Iterable[str] | None = None, grace: float = CANCEL_GRACE_S) -> None:
        """Ends these workers, or all: they put back their trials after a checkpoint; after `grace` seconds
        they are killed."""
        if not (ids := self.ids if ids is None else list(ids)):
            return
        deadline = time.monotonic() + grace
        with suppress(OSError, StorageInternalError):  # they are to end also where the disk is full
            self.study.set_user_attr(ENDING, ids)
        while alive := self.alive(ids):
            if time.monotonic() > deadline + KILL_GRACE_S:
                say(f"Not seen to end, though they were killed: {_named(sorted(alive))}")
                break
            self.launcher.cancel(sorted(alive), force=time.monotonic() > deadline)
            time.sleep(max(POLL_S, self.launcher.answer_age_s))
        for i in ids:
            self.places.pop(i, None)

    def join(self) -> None:
        """Waits for the workers to end, which they do by themselves when the queue is empty."""
        queued = [i for i, job in self.jobs().items() if job.state == JobState.QUEUED]
        self.launcher.cancel(queued)
        beyond = self.study.get_trials(deepcopy=False)[self.sweep.settings.n_trials :]
        patience = CANCEL_GRACE_S if all(trial.state.is_finished() for trial in beyond) else 0.0
        deadline = time.monotonic() + patience
        while self.alive(self.ids) and time.monotonic() < deadline:
            time.sleep(POLL_S)
        self.cancel()

    def _submit(self, n: int) -> list[str]:
        """The ids of the workers started: none where they are refused, but others live."""
        places, most = list(islice(self._free_places(), n)), self.sweep.settings.n_jobs
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
                say(f"Worker {i} is held, so cancelled: {jobs[i].word}")
                self.launcher.cancel([i])
            elif jobs[i].word not in ("", "COMPLETED"):
                say(f"Worker {i} ended: {jobs[i].word}")
        if gone:
            self._record()

    def _record(self) -> None:
        record = {"places": self.places, "started with": self._started_with()}
        if self.study.user_attrs.get(WORKERS) != record:
            self.study.set_user_attr(WORKERS, record)

    def _started_with(self) -> dict[str, Any]:
        """What a worker takes from its supervisor and that may differ in the next."""
        settings = self.sweep.settings
        nodes = {"sampler": settings.sampler, "pruner": settings.pruner}
        return {
            "overrides": self.sweep.space.fixed,
            **{name: OmegaConf.to_container(node, resolve=True) for name, node in nodes.items()},
            "slots": settings.slots,
            "trials_per_job": settings.trials_per_job,
        }

    def _most(self) -> int | None:
        settings = self.sweep.settings
        queues_all = settings.trials_per_job and not settings.wait
        return None if queues_all else settings.n_jobs

    def _free_places(self) -> Iterable[int]:
        return (place for place in count() if place not in self.places.values())

    def _last_words(self) -> str:
        folder = self.sweep.address.folder / "workers"
        logs = sorted(folder.glob("*.err"), key=lambda path: path.stat().st_mtime)
        lines = [line for path in logs[-1:] for line in path.read_text().splitlines() if line.strip()]
        said = f"The last one said: {lines[-1].strip()} " if lines else ""
        return f"{said}Their logs: {folder}"


def _differing(was: dict[str, Any], now: dict[str, Any]) -> str:
    """The names of what is not the same, in words; nothing where it is not known what was."""
    return " and ".join(key for key in was if was[key] != now.get(key))


def _named(ids: list[str]) -> str:
    return ", ".join(ids)
