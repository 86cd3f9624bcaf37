"""A sweep from what is configured to its start."""

import gc
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import optuna
from hydra._internal.callbacks import Callbacks
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf
from optuna.exceptions import StorageInternalError
from yaml import YAMLError

from hydra_sweep.checks import resumed_study
from hydra_sweep.checks.constraints import with_constraints
from hydra_sweep.checks.examples import examples
from hydra_sweep.checks.hooks import check_task
from hydra_sweep.checks.noise import check_noise, with_pruner
from hydra_sweep.checks.search import check_search
from hydra_sweep.checks.settings import check_named, check_sampler_choice
from hydra_sweep.code.project import project_root
from hydra_sweep.code.snapshot import check_git
from hydra_sweep.console import say
from hydra_sweep.errors import INTERRUPTED, SweepError, one_line
from hydra_sweep.report.preference import check_preference
from hydra_sweep.settings import NEW, Settings
from hydra_sweep.space.compose import group_options, in_force
from hydra_sweep.space.fidelity import at_its_last, parse_fidelity
from hydra_sweep.space.grammar import parse_space, to_overrides
from hydra_sweep.space.proposal import grid_points
from hydra_sweep.space.references import plain_params
from hydra_sweep.study.folder import check_folder, check_home
from hydra_sweep.study.storage import StudyAddress, absolute, said
from hydra_sweep.supervisor.budget import any_left
from hydra_sweep.supervisor.confirm import check_confirm
from hydra_sweep.supervisor.defaults import FOLDER, fill_in, folder_of, pin
from hydra_sweep.supervisor.enqueue import enqueued, lines, points_of, still_to_enqueue
from hydra_sweep.supervisor.grid import feasible
from hydra_sweep.supervisor.hooks import Hooks
from hydra_sweep.supervisor.interpolations import settle
from hydra_sweep.supervisor.launching import make_launcher, of_auto_slots, of_hours, share_of
from hydra_sweep.supervisor.lock import only_supervisor
from hydra_sweep.supervisor.nothing_twice import without_repeats
from hydra_sweep.supervisor.open_study import open_study
from hydra_sweep.supervisor.study_name import next_free
from hydra_sweep.supervisor.warm_start import earlier_trials
from hydra_sweep.sweep import Plan, Sweep

NO_PRUNER = OmegaConf.create({"_target_": "optuna.pruners.NopPruner"})


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
    check_sampler_choice(config, hydra_context.config_loader)
    fill_in(config, hydra_context.config_loader)
    settle(config, "hydra.sweeper", FOLDER, "hydra.launcher")
    own = {"study_name": config.hydra.sweeper.study_name, "params": plain_params(config)}
    parsed = Settings.parse({**settings, **own})
    space = parse_space(
        parsed.params,
        arguments,
        parsed.custom_search_space,
        partial(group_options, hydra_context.config_loader, config),
        parsed.when,
        parsed.prior,
    )
    fidelity = parse_fidelity(parsed, space)
    sweep = Sweep(
        address=StudyAddress(parsed.study_name, folder_of(config), absolute(parsed.storage)),
        settings=parsed,
        space=at_its_last(space, fidelity),
        fidelity=fidelity,
        config=config,
        task_function=task_function,
        hydra_context=HydraContext(config_loader=hydra_context.config_loader, callbacks=Callbacks()),
        callbacks=hydra_context.callbacks,
        root=project_root(task_function),
    )
    if sweep.space.only_seeds:  # whose mean is asked for: all are to come to their end
        sweep = replace(sweep, settings=replace(sweep.settings, pruner=NO_PRUNER))
    if sweep.settings.study == NEW:
        sweep = next_free(sweep)
    pin(config)
    hooks = Hooks(sweep)
    try:
        return _run(sweep, hooks)
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
    except YAMLError as error:  # of a file that was edited meanwhile
        raise SweepError(
            f"A configuration file is no yaml: {one_line(error)}. Nothing that was told is lost; with that "
            "mended, the same command goes on."
        ) from error
    finally:
        hooks.stop()


def _run(sweep: Sweep, hooks: Hooks) -> float | list[float] | None:
    if sweep.settings.snapshot:
        check_git(sweep.root)
    sweep, notes = with_pruner(sweep)
    notes += check_search(sweep)
    check_named(sweep)
    existing = sweep.address.load_existing()
    points = grid_points(sweep.settings.sampler, sweep.space, sweep.settings.n_trials)
    params, cfgs = examples(sweep, points[0] if points else {})
    named = enqueued(sweep)
    in_force(sweep.config)
    sweep = with_constraints(sweep, cfgs)
    points, of_grid = feasible(sweep, points)
    check_preference(sweep)
    notes += check_noise(sweep, cfgs)
    sweep, of_repeats = without_repeats(sweep, cfgs, points, existing)
    notes += filter(None, [of_grid, of_repeats])
    launcher = make_launcher(sweep, hooks.server)
    launcher.check(first=existing is None)
    sweep = replace(sweep, share=share_of(sweep, launcher))
    where = launcher.gpus_per_job(), launcher.jobs_share_machine
    plan = Plan(sweep.address, sweep.settings, sweep.space, *where)
    check_task(sweep, params, cfgs, plan)
    in_force(sweep.config)
    if any_left(existing, sweep) and not sweep.settings.dry_run and not sweep.settings.snapshot:
        hooks.start()  # else a snapshot is yet to be taken
    cfg = cfgs[0]
    if existing is None:
        check_folder(sweep.address)
    else:
        check_home(existing, sweep.address)
        resumed_study.check_comparable(existing, sweep, points)
    check_confirm(sweep)
    first = still_to_enqueue(named, existing, sweep.settings.n_trials)
    earlier, of_earlier = earlier_trials(sweep, points_of(sweep))
    in_force(sweep.config)
    sweep = replace(sweep, earlier=earlier)
    for line in filter(None, (of_auto_slots(plan), of_hours(sweep))):
        say(line)
    notes += [*of_earlier, *lines(first)]
    if sweep.settings.dry_run:
        from hydra_sweep.report.dry_run import show_plan

        show_plan(sweep, params, cfg, existing, notes)
        with only_supervisor(sweep.address.folder):  # which may be refused, and leaves nothing
            say("Nothing was written or started: hydra.sweeper.dry_run=true.")
        return None
    for note in notes:
        say(note)
    # Not at the top: a mistake is told without waiting for it.
    from hydra_sweep.supervisor.supervise import supervise

    gc.enable()
    with only_supervisor(sweep.address.folder):
        study = open_study(sweep, cfg, plan, points, first, hooks)
        return supervise(sweep, cfg, study, launcher, to_overrides(params), hooks)
