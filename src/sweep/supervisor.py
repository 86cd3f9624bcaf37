"""The supervisor: the process the user started. Checks, fills the queue, watches over the workers.

Imports neither torch nor Lightning nor MLflow; what needs them runs in a process of its own.
"""

import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig
from optuna.exceptions import StorageInternalError
from optuna.trial import FrozenTrial, TrialState

from src.sweep import changes, code_version, failures, queue, report, snapshot
from src.sweep.dry_run import show_plan
from src.sweep.errors import SweepError
from src.sweep.home import check_home, make_home
from src.sweep.launching import make_launcher
from src.sweep.lock import only_supervisor
from src.sweep.naming import next_free
from src.sweep.outcome import Outcome
from src.sweep.own_process import call_in_fork
from src.sweep.patience import patiently
from src.sweep.plan import Plan
from src.sweep.preflight import check_folder, check_task, examples, fit_grid
from src.sweep.progress import Progress, say
from src.sweep.settings import NEW, Settings
from src.sweep.space import parse_space
from src.sweep.storage import StudyAddress, absolute, said
from src.sweep.trial import Sweep
from src.sweep.workers import Workers

POLL_S = 0.5
# A worker killed between claiming a trial and putting its name to it: the write may have waited for the
# journal's lock, which is taken over after 30 s.
NAMELESS_S = 60.0
INTERRUPTED = 130


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
    sweep = Sweep(
        address=StudyAddress(
            parsed.study_name, Path(config.hydra.sweep.dir).absolute(), absolute(parsed.storage)
        ),
        settings=parsed,
        space=parse_space(parsed.params, arguments),
        config=config,
        task_function=task_function,
        hydra_context=hydra_context,
    )
    if sweep.settings.study == NEW:
        sweep = next_free(sweep)
    HydraConfig.instance().set_config(config)
    try:
        return _run(sweep)
    except KeyboardInterrupt:
        raise SystemExit(INTERRUPTED) from None
    except OSError as error:
        raise SweepError(
            f"{error.filename or sweep.address.folder}: {error.strerror or error}. Nothing that was "
            "told is lost; with that mended, the same command goes on."
        ) from error
    except StorageInternalError as error:
        raise SweepError(
            f"{sweep.address.shown()} does not answer: {said(error)} Workers wait for it a minute. Nothing "
            "that was told is lost; with that mended, the same command goes on."
        ) from error


def _run(sweep: Sweep) -> float | list[float] | None:
    sweep, points = fit_grid(sweep)
    overrides, cfgs = examples(sweep)
    launcher = make_launcher(sweep, overrides)
    existing = sweep.address.load_existing()
    launcher.check(first=existing is None)
    plan = Plan(sweep.address, sweep.settings, sweep.space, launcher.gpus_per_job())
    check_task(sweep, cfgs, plan)
    cfg = cfgs[0]
    if existing is None:
        check_folder(sweep.address)
    else:
        check_home(existing, sweep.address)
        changes.check_comparable(existing, sweep, points)
    if sweep.settings.dry_run:
        show_plan(sweep, overrides, cfg, existing)
        return None
    with only_supervisor(sweep.address.folder):
        study = open_study(sweep, cfg, plan, points)
        return _supervise(sweep, cfg, study, Workers(sweep, study, launcher, overrides))


def _supervise(
    sweep: Sweep, cfg: DictConfig, study: optuna.Study, workers: Workers
) -> float | list[float] | None:
    if not missing(study, sweep):
        say(f"Study {sweep.address.name} is complete: {sweep.settings.n_trials} trials.")
    try:
        ended = Supervisor(sweep, study, workers).run()
    except BaseException:
        finish(sweep, cfg)
        raise
    look_further = finish(sweep, cfg) if ended or sweep.settings.wait else []
    study = sweep.address.load()
    report.write_results(study, sweep.address.folder)
    report.show(study, sweep, look_further, unfinished=not ended)
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


def open_study(sweep: Sweep, cfg: DictConfig, plan: Plan, points: list[dict] | None) -> optuna.Study:
    """The study with its queue filled, after what must be there before it has been prepared."""
    existing = sweep.address.load_existing()
    known = existing.user_attrs if existing else {}
    attrs: dict[str, Any] = {}
    code = copy = None
    if existing is None or missing(existing, sweep):
        code = code_version.current(sweep.address.folder)
        with snapshot.taken(sweep) as copy:
            attrs = prepare(sweep, cfg, replace(plan, attrs=known, code=code))
    study = sweep.address.create(sweep.settings.directions, attrs)
    make_home(study, sweep.address)
    for change in changes.record(study, sweep) + code_version.changed(known, code):
        say(f"Changed since the study was begun: {change}")
    code_version.record(study, sweep.address.folder, code, copy)
    queue.fill(study, sweep.settings.n_trials, points, sweep.space.distributions)
    return study


def prepare(sweep: Sweep, cfg: DictConfig, plan: Plan) -> dict[str, Any]:
    """Has done what is to be done before the first worker. The study's attributes that come of it."""
    if not sweep.settings.prepare:
        return {}
    say("Preparing the data set and the tracking store …")
    return call_in_fork(sweep.settings.prepare, lambda: cfg, lambda: plan) or {}


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
        self.suspects: dict[tuple[int, int, str | None], float] = {}

    def run(self) -> bool:
        """Returns True when every trial has ended, False when the time is over, or when the workers
        are under way and are not to be waited for. Raises SweepError where too many failed."""
        if not missing(self.study, self.sweep):
            return True
        failures.forgive(self.study)
        self.workers.adopt({owner for t in self._running() if (owner := t.user_attrs.get("worker"))})
        with Progress(self.sweep) as progress:
            try:
                ended = self._watch(progress)
            except BaseException as error:
                progress.stop()
                self._stop()
                if isinstance(error, KeyboardInterrupt):
                    report.show(self.study, self.sweep, [], unfinished=True)
                raise
        if ended:
            self.workers.join()
        return ended

    def _watch(self, progress: Progress) -> bool:
        started = time.monotonic()
        while patiently(self._look, progress):
            if not self.settings.wait and self.workers.settled() and not self.suspects:
                say(f"{len(self.workers.ids)} workers go on by themselves.")
                return False
            if self.settings.timeout and time.monotonic() - started > self.settings.timeout:
                progress.stop()
                say(f"hydra.sweeper.timeout={self.settings.timeout:g} s is over.")
                self._stop()
                return False
            time.sleep(POLL_S)
        return True

    def _look(self, progress: Progress) -> int:
        """Does what is to be done now. How many trials have not ended."""
        if left := missing(self.study, self.sweep):
            self._check_mistake()
            self.workers.keep(*self._wanted())
            self._put_back_lost()
        progress.update(budget(self.study, self.sweep), self.workers.jobs())
        self._check_failures()
        return left

    def _stop(self) -> None:
        say("Stopping: running trials go back into the queue after a checkpoint (Ctrl-C again: at once) …")
        try:
            self.workers.cancel()
        except KeyboardInterrupt:
            self.workers.cancel(grace=0)
        for trial in self._running():  # of workers that had to be killed
            queue.put_back(self.study, trial, "the sweep was stopped")

    def _running(self) -> list[FrozenTrial]:
        return [t for t in budget(self.study, self.sweep) if t.state == TrialState.RUNNING]

    def _wanted(self) -> tuple[int, int]:
        """How many workers the trials that have not ended can keep busy, and a mark of progress."""
        trials = budget(self.study, self.sweep)
        progress = sum(t.state.is_finished() + queue.attempt_of(t) for t in trials)
        per_job, left = self.settings.trials_per_job, missing(self.study, self.sweep)
        if per_job and not self.settings.wait:  # nobody will be there to start others
            return -(-left // per_job), progress
        side_by_side = min(self.settings.slots, per_job or self.settings.slots)
        return min(self.settings.n_jobs, -(-left // side_by_side)), progress

    def _put_back_lost(self) -> None:
        """Puts back the running trials whose worker is dead, or that no worker has put its name to."""
        now = time.monotonic()
        trials = {(t.number, queue.attempt_of(t), t.user_attrs.get("worker")): t for t in self._running()}
        running = self.workers.running({worker for *_, worker in trials if worker})
        self.suspects = {key: self.suspects.get(key, now) for key in trials if key[2] not in running}
        for key, since in list(self.suspects.items()):
            if now - since >= (self.workers.second_look_s if key[2] else NAMELESS_S):
                del self.suspects[key]
                trial, retries = trials[key], self.settings.max_retries
                if state := queue.put_back(self.study, trial, "worker lost", retries):
                    say(f"Trial {key[0]}: its worker was lost, now {state.name}")

    def _check_mistake(self) -> None:
        """Raises SweepError where a trial has come to what every other would, and fails that one, unless
        the machine is to blame."""
        if trial := next((t for t in self._running() if t.user_attrs.get("mistake")), None):
            reason, state = trial.user_attrs["reason"], trial.user_attrs["mistake"]
            if state == TrialState.WAITING.name:
                queue.put_back(self.study, trial, reason)
                reason += ". With that mended, the same command goes on"
            else:
                queue.tell(self.study, trial, Outcome(TrialState.FAIL, reason=reason))
            raise SweepError(f"Trial {trial.number}: {reason}")

    def _check_failures(self) -> None:
        """Raises SweepError where more than `max_failure_rate` of the budget has failed this time."""
        if failed := failures.too_many(self.study, self.settings):
            first = min(failed, key=lambda t: t.datetime_complete)
            trace = first.user_attrs.get("traceback", "")
            raise SweepError(
                f"{trace}{len(failed)} of {self.settings.n_trials} trials failed "
                f"(hydra.sweeper.max_failure_rate={self.settings.max_failure_rate}), "
                f"the first was trial {first.number}: {first.user_attrs.get('reason')}. "
                f"Its log: {self.sweep.address.folder / str(first.number)}"
            )
