"""The supervisor: the process the user started. Checks, fills the queue, watches over the workers.

Imports neither torch nor Lightning nor MLflow; what needs them runs in a process of its own.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig
from optuna.trial import FrozenTrial, TrialState

from src.sweep import queue, report
from src.sweep.errors import SweepError
from src.sweep.own_process import call_in_fork
from src.sweep.preflight import example, fit_grid
from src.sweep.progress import Progress, say
from src.sweep.settings import Settings
from src.sweep.space import SearchSpace, parse_space
from src.sweep.storage import StudyAddress
from src.sweep.trial import Sweep
from src.sweep.workers import SECOND_LOOK_S, Workers

POLL_S = 0.5
# A worker killed between claiming a trial and putting its name to it: the write may have waited for the
# journal's lock, which is taken over after 30 s.
NAMELESS_S = 60.0
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

    Raises SweepError for a user's mistake, before anything is started, and SystemExit(130) on Ctrl-C.
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
    try:
        return _run(sweep)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None


def _run(sweep: Sweep) -> float | list[float] | None:
    sweep, points = fit_grid(sweep)
    overrides, cfg = example(sweep)
    workers = Workers(sweep, overrides)
    study = open_study(sweep, cfg, points)
    if not missing(study, sweep):
        say(f"Study {sweep.address.name} is complete: {sweep.settings.n_trials} trials.")
    try:
        Supervisor(sweep, study, workers).run()
    finally:
        look_further = finish(sweep, cfg)
    study = sweep.address.load()
    report.write_results(study, sweep.address.folder)
    report.show(study, sweep, look_further)
    return report.best_values(study)


def finish(sweep: Sweep, cfg: DictConfig) -> list[str]:
    """Has done what is to be done after the last worker. The commands that it returns."""
    if not sweep.settings.finish:
        return []
    try:
        return call_in_fork(sweep.settings.finish, lambda: cfg, sweep.address.load)
    except SweepError as error:  # no reason to withhold the results
        say(str(error))
        return []


def open_study(sweep: Sweep, cfg: DictConfig, points: list[dict] | None) -> optuna.Study:
    """The study with its queue filled, after what must be there before it has been prepared."""
    existing = sweep.address.load_existing()
    attrs: dict[str, Any] = {}
    if sweep.settings.prepare and (existing is None or missing(existing, sweep)):
        say("Preparing the data set and the tracking store …")
        known = existing.user_attrs if existing else {}
        plan = Plan(sweep.address, sweep.settings, sweep.space, known)
        attrs = call_in_fork(sweep.settings.prepare, lambda: cfg, lambda: plan)
    study = sweep.address.create(sweep.settings.directions, attrs or {})
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

    def __init__(self, sweep: Sweep, study: optuna.Study, workers: Workers) -> None:
        self.sweep = sweep
        self.study = study
        self.settings = sweep.settings
        self.workers = workers
        self.suspects: dict[tuple[int, str | None], float] = {}
        self.failed_before = {t.number for t in budget(study, sweep) if t.state == TrialState.FAIL}

    def run(self) -> None:
        """Returns when every trial has ended. Raises SweepError where too many failed."""
        if not missing(self.study, self.sweep):
            return
        self.workers.adopt(owner for t in self._running() if (owner := t.user_attrs.get("worker")))
        with Progress(self.sweep) as progress:
            try:
                while missing(self.study, self.sweep):
                    self.workers.keep(*self._wanted())
                    self._put_back_lost()
                    progress.update(budget(self.study, self.sweep), self.workers.ids)
                    self._check_failures()
                    time.sleep(POLL_S)
                progress.update(budget(self.study, self.sweep), self.workers.ids)
            except BaseException as error:
                progress.stop()
                self._stop(interrupted=isinstance(error, KeyboardInterrupt))
                raise
        self.workers.join()

    def _stop(self, interrupted: bool) -> None:
        say("Stopping: running trials go back into the queue …")
        self.workers.cancel()
        for trial in self._running():  # of workers that had to be killed
            queue.put_back(self.study, trial, "the sweep was stopped", None)
        if interrupted:
            report.show(self.study, self.sweep, [], unfinished=True)

    def _running(self) -> list[FrozenTrial]:
        return [t for t in budget(self.study, self.sweep) if t.state == TrialState.RUNNING]

    def _wanted(self) -> tuple[int, int]:
        """How many workers the trials that have not ended can keep busy, and a mark of progress."""
        trials = budget(self.study, self.sweep)
        wanted = -(-missing(self.study, self.sweep) // self.settings.slots)
        progress = sum(t.state.is_finished() + queue.attempt_of(t) for t in trials)
        return min(self.settings.n_jobs, wanted), progress

    def _put_back_lost(self) -> None:
        """Puts back the running trials whose worker is dead, or that no worker has put its name to."""
        now = time.monotonic()
        running = {(t.number, t.user_attrs.get("worker")): t for t in self._running()}
        alive = self.workers.alive({worker for _, worker in running if worker})
        self.suspects = {key: self.suspects.get(key, now) for key in running if key[1] not in alive}
        for key, since in list(self.suspects.items()):
            if now - since >= (SECOND_LOOK_S if key[1] else NAMELESS_S):
                del self.suspects[key]
                state = queue.put_back(self.study, running[key], "worker lost", self.settings.max_retries)
                say(f"Trial {key[0]}: its worker was lost, now {state.name}")

    def _check_failures(self) -> None:
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
