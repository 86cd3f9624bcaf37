"""A sweep from its checks to its report, in the process that the user started.

Imports neither torch nor Lightning nor MLflow; what needs them runs in a process of its own.
"""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
from hydra.core.hydra_config import HydraConfig
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig
from optuna.exceptions import StorageInternalError

from src.sweep import changes, code_version, queue, report, snapshot
from src.sweep.dry_run import show_plan
from src.sweep.errors import SweepError
from src.sweep.home import check_home, make_home
from src.sweep.launching import make_launcher
from src.sweep.lock import only_supervisor
from src.sweep.naming import next_free
from src.sweep.own_process import call_in_fork
from src.sweep.plan import Plan
from src.sweep.preflight import check_folder, check_task, examples, fit_grid
from src.sweep.progress import counted, say
from src.sweep.settings import NEW, Settings
from src.sweep.space import parse_space
from src.sweep.storage import StudyAddress, absolute, said
from src.sweep.supervisor import Supervisor, budget, missing
from src.sweep.trial import Sweep
from src.sweep.workers import Workers

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
    if not missing(budget(study, sweep), sweep):
        say(f"Study {sweep.address.name} is complete: {counted(sweep.settings.n_trials, 'trial')}.")
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
    if existing is None or missing(budget(existing, sweep), sweep):
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
