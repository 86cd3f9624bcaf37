"""A study with its queue filled, after what must be there before has been prepared."""

from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import optuna
from omegaconf import DictConfig

from hydra_sweep.checks import resumed_study
from hydra_sweep.code import snapshot
from hydra_sweep.code import version as code_version
from hydra_sweep.console import say
from hydra_sweep.study import queue, starts
from hydra_sweep.study.folder import make_home
from hydra_sweep.supervisor.budget import any_left
from hydra_sweep.supervisor.hooks import Hooks
from hydra_sweep.supervisor.started import started
from hydra_sweep.sweep import Plan, Sweep


def open_study(
    sweep: Sweep,
    cfg: DictConfig,
    plan: Plan,
    points: list[dict] | None,
    first: list[dict],
    hooks: Hooks,
) -> optuna.Study:
    """The study, new or gone on with. `cfg` is an example trial's configuration, `points` are a grid's,
    `first` are to be enqueued."""
    folder = sweep.address.folder
    existing = sweep.address.load_existing()
    known = existing.user_attrs if existing else {}
    attrs: dict[str, Any] = {}
    code = copy = None
    n_trials = sweep.settings.n_trials
    if any_left(existing, sweep):
        code = code_version.current(sweep.root, folder)
        with code_to_run(sweep) as copy:
            attrs = hooks.prepare(cfg, replace(plan, attrs=known, code=code))
    study = sweep.address.create(sweep.settings.directions, attrs)
    make_home(study, sweep.address)
    for change in resumed_study.record(study, sweep) + code_version.changed(known, code):
        say(f"Changed since the study was begun: {change}")
    starts.add(study, starts.STARTS, started(sweep, cfg, plan))
    code_version.record(study, folder, code, copy)
    queue.fill(study, n_trials, points, sweep.space.distributions)
    queue.enqueue(study, first, sweep.space.distributions)
    return study


def code_to_run(sweep: Sweep) -> Any:
    """Has what is started from now on run from a snapshot, where there is to be one."""
    if not sweep.settings.snapshot:
        return nullcontext()
    return snapshot.taken(sweep.root, sweep.address.folder, sweep.hydra_context)
