"""The supervisor: the process the user started. Checks, fills the queue, watches over the workers.

Imports neither torch nor Lightning nor MLflow; what needs them runs in a process of its own.
"""

import logging
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import optuna
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, TaskFunction
from hydra.utils import get_method
from omegaconf import DictConfig
from optuna.trial import FrozenTrial, TrialState

from src.sweep import queue, report
from src.sweep.errors import SweepError
from src.sweep.preflight import example, fit_grid
from src.sweep.progress import Progress, say
from src.sweep.queue import StudyAddress
from src.sweep.settings import Settings
from src.sweep.space import SearchSpace, parse_space
from src.sweep.trial import Sweep
from src.sweep.worker import Worker

log = logging.getLogger(__name__)

POLL_S = 0.5
# Between two looks at a worker that seems dead: death is believed when told twice.
SECOND_LOOK_S = 1.0
CANCEL_GRACE_S = 15.0
INTERRUPTED = 130


@dataclass(frozen=True)
class Plan:
    """What `prepare` is told of the sweep; `attrs` are those of the study, if there is one."""

    address: StudyAddress
    settings: Settings
    space: SearchSpace
    attrs: Mapping[str, Any]


def run_sweep(
    settings: Mapping[str, Any],
    arguments: list[str],
    config: DictConfig,
    hydra_context: HydraContext,
    task_function: TaskFunction,
) -> float | list[float] | None:
    """Runs a sweep, or what is missing of it. Returns the best value or values.

    Raises SweepError for a user's mistake, before anything is started.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    parsed = Settings.parse(settings)
    folder = Path(config.hydra.sweep.dir).absolute()
    sweep = Sweep(
        address=StudyAddress(parsed.study_name, folder, parsed.storage),
        settings=parsed,
        space=parse_space(parsed.params, arguments),
        config=config,
        task_function=task_function,
        hydra_context=hydra_context,
    )
    HydraConfig.instance().set_config(config)
    sweep, points = fit_grid(sweep)
    overrides, cfg = example(sweep)
    workers = Workers(sweep, overrides)
    study = open_study(sweep, cfg, points)
    if missing(study, sweep):
        Supervisor(sweep, study, workers).run()
        study = sweep.address.load()
    else:
        say(f"Study {parsed.study_name} is complete: {parsed.n_trials} trials.")
    look_further = in_own_process(parsed.finish, cfg, sweep.address) if parsed.finish else []
    report.write_results(study, folder)
    report.show(study, sweep, look_further or [])
    return report.best_values(study)


def open_study(sweep: Sweep, cfg: DictConfig, points: list[dict] | None) -> optuna.Study:
    """The study with its queue filled, after what must be there before it has been prepared."""
    existing = sweep.address.load_existing()
    attrs: dict[str, Any] = {}
    if sweep.settings.prepare and (existing is None or missing(existing, sweep)):
        say("Preparing the data set and the tracking store …")
        plan = Plan(sweep.address, sweep.settings, sweep.space, existing.user_attrs if existing else {})
        attrs = in_own_process(sweep.settings.prepare, cfg, plan)
    study = existing or sweep.address.create(sweep.settings.directions, attrs or {})
    queue.fill(study, sweep.settings.n_trials, points, sweep.space.distributions)
    return study


def budget(study: optuna.Study, sweep: Sweep) -> list[FrozenTrial]:
    """The trials of the sweep: the first `n_trials` of the study."""
    return study.get_trials(deepcopy=False)[: sweep.settings.n_trials]


def missing(study: optuna.Study, sweep: Sweep) -> int:
    """How many trials have not ended, those not yet in the queue counted in."""
    ended = sum(trial.state.is_finished() for trial in budget(study, sweep))
    return sweep.settings.n_trials - ended


class Supervisor:
    """Starts workers, puts back the trials of lost ones, replaces these, and stops at the budget."""

    def __init__(self, sweep: Sweep, study: optuna.Study, workers: "Workers") -> None:
        self.sweep = sweep
        self.study = study
        self.settings = sweep.settings
        self.workers = workers
        self.failed_before = {t.number for t in budget(study, sweep) if t.state == TrialState.FAIL}

    def run(self) -> None:
        """Returns when every trial has ended. Raises SweepError where too many failed."""
        self.put_back_orphans()
        with Progress(self.sweep) as progress:
            try:
                while missing(self.study, self.sweep):
                    self.workers.keep(self.wanted())
                    self.put_back_lost()
                    progress.update(budget(self.study, self.sweep), self.workers.ids)
                    self.check_failures()
                    time.sleep(POLL_S)
                progress.update(budget(self.study, self.sweep), self.workers.ids)
            except KeyboardInterrupt:
                self.workers.cancel()
                self.put_back_lost(final=True)
                progress.stop()
                report.show(self.study, self.sweep, [], unfinished=True)
                raise SystemExit(INTERRUPTED) from None
            except BaseException:
                self.workers.cancel()
                self.put_back_lost(final=True)
                raise
        self.workers.join()

    def wanted(self) -> int:
        """How many workers the trials that have not ended can keep busy."""
        slots = self.settings.slots
        return min(self.settings.n_jobs, -(-missing(self.study, self.sweep) // slots))

    def put_back_orphans(self) -> None:
        """Puts back what an earlier supervisor's workers, all dead, left RUNNING."""
        running = [t for t in budget(self.study, self.sweep) if t.state == TrialState.RUNNING]
        alive = self.workers.launcher.alive({t.user_attrs.get("worker", "") for t in running} - {""})
        for trial in running:
            if trial.user_attrs.get("worker") not in alive:
                queue.put_back(self.study, trial, "supervisor and workers ended", None)

    def put_back_lost(self, final: bool = False) -> None:
        dead = self.workers.dead if not final else set(self.workers.ids) | self.workers.dead
        for trial in budget(self.study, self.sweep):
            if trial.state == TrialState.RUNNING and trial.user_attrs.get("worker") in dead:
                retries = None if final else self.settings.max_retries
                state = queue.put_back(self.study, trial, "worker lost", retries)
                say(f"Trial {trial.number}: its worker was lost, now {state.name}")

    def check_failures(self) -> None:
        """Raises SweepError where more than `max_failure_rate` of the budget has failed this time."""
        failed = [
            t
            for t in budget(self.study, self.sweep)
            if t.state == TrialState.FAIL and t.number not in self.failed_before
        ]
        if len(failed) > self.settings.max_failure_rate * self.settings.n_trials:
            first = min(failed, key=lambda t: t.datetime_complete)
            trace = first.user_attrs.get("traceback", "")
            raise SweepError(
                f"{trace}{len(failed)} of {self.settings.n_trials} trials failed "
                f"(hydra.sweeper.max_failure_rate={self.settings.max_failure_rate}), "
                f"the first was trial {first.number}: {first.user_attrs.get('reason')}. "
                f"Its log: {self.sweep.address.folder / str(first.number)}"
            )


@dataclass
class Workers:
    """The jobs of the launcher that this supervisor started."""

    sweep: Sweep
    example_overrides: list[str]
    ids: list[str] = field(default_factory=list)
    dead: set[str] = field(default_factory=set)
    suspects: dict[str, float] = field(default_factory=dict)
    started: int = 0
    worked: int = 0

    def __post_init__(self) -> None:
        self.launcher = make_launcher(self.sweep, self.example_overrides)

    def keep(self, wanted: int) -> None:
        """Notices which workers have ended, and starts new ones up to the number wanted."""
        self._bury()
        if (lack := wanted - len(self.ids)) <= 0:
            return
        if self.started >= wanted + self.sweep.settings.n_trials + self.sweep.settings.max_retries:
            raise SweepError(
                f"Workers keep ending without work done; see {self.sweep.address.folder / 'workers'}"
            )
        self.ids += self.launcher.submit(
            [self._overrides() for _ in range(lack)], initial_job_idx=self.started
        )
        self.started += lack

    def cancel(self) -> None:
        """Ends all workers: they put back their trials; after a grace they are killed."""
        deadline = time.monotonic() + CANCEL_GRACE_S
        while alive := self.launcher.alive(self.ids):
            self.launcher.cancel(sorted(alive), force=time.monotonic() > deadline)
            time.sleep(POLL_S)

    def join(self) -> None:
        """Waits for the workers to end, which they do by themselves when the queue is empty."""
        deadline = time.monotonic() + CANCEL_GRACE_S
        while self.launcher.alive(self.ids) and time.monotonic() < deadline:
            time.sleep(POLL_S / 5)
        self.cancel()

    def _bury(self) -> None:
        now = time.monotonic()
        alive = self.launcher.alive(self.ids)
        self.suspects = {i: self.suspects.get(i, now) for i in self.ids if i not in alive}
        gone = {i for i, since in self.suspects.items() if now - since >= SECOND_LOOK_S}
        self.dead |= gone
        self.ids = [i for i in self.ids if i not in gone]

    def _overrides(self) -> list[str]:
        return [
            *self.sweep.space.fixed,
            *self.example_overrides,
            "hydra.sweep.subdir=workers",
            "hydra.job.name=${hydra.job.id}",
            "hydra.output_subdir=null",
        ]


def make_launcher(sweep: Sweep, example_overrides: list[str]) -> Any:
    """The configured launcher, with a worker as its task. Raises SweepError where it cannot serve."""
    launcher = Plugins.instance().instantiate_launcher(
        hydra_context=sweep.hydra_context, task_function=None, config=sweep.config
    )
    if not hasattr(launcher, "submit"):
        name = sweep.config.hydra.runtime.choices["hydra/launcher"]
        raise SweepError(
            f"hydra/launcher={name} waits for its jobs, but a sweep must watch them. Valid: local."
        )
    launcher.task_function = Worker(with_threads(sweep, launcher), example_overrides)
    return launcher


def with_threads(sweep: Sweep, launcher: Any) -> Sweep:
    """The sweep with each trial's share of this machine's CPUs, where its jobs are to share them."""
    if not launcher.jobs_share_machine:
        return sweep
    from dataclasses import replace

    side_by_side = sweep.settings.n_jobs * sweep.settings.slots
    return replace(sweep, threads=max(1, len(os.sched_getaffinity(0)) // side_by_side))


def in_own_process(function: str, cfg: DictConfig, subject: Any) -> Any:
    """Calls a function by its dotted path in a fork, so that its imports stay out of here.

    Returns what it returns. Raises SweepError with the message of what it raises.
    """
    fork = multiprocessing.get_context("fork")
    answer, question = fork.Pipe(duplex=False)
    process = fork.Process(target=_call, args=(get_method_later(function), cfg, subject, question))
    process.start()
    question.close()
    try:
        result, error = answer.recv()
    except EOFError:
        result, error = None, f"it ended with code {process.exitcode}"
    process.join()
    if error:
        raise SweepError(f"{function}: {error}")
    return result


def get_method_later(function: str) -> Callable[[], Callable]:
    return lambda: get_method(function)


def _call(load: Callable[[], Callable], cfg: DictConfig, subject: Any, answer: Connection) -> None:
    if isinstance(subject, StudyAddress):
        subject = subject.load()
    try:
        answer.send((load()(cfg, subject), None))
    except Exception as error:
        log.debug("Traceback", exc_info=True)
        answer.send((None, f"{type(error).__name__}: {error}"))
