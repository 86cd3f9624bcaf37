"""The second part of a sweep: the best run again with fresh seeds, `hydra.sweeper.confirm`.

They are a sweep of their own, by the same workers and supervisor: its trials wait with all their parameters
from the start. The same command begins what is not there, and goes on with what is.
"""

import copy
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace

import optuna
from omegaconf import OmegaConf
from optuna.distributions import IntDistribution
from optuna.trial import FrozenTrial

from hydra_sweep.fork_server import ForkServer
from hydra_sweep.space.compose import Composer, as_job, in_force
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study import queue
from hydra_sweep.study.confirmation import address_of, candidates, points_of
from hydra_sweep.study.folder import check_home
from hydra_sweep.supervisor.budget import any_left
from hydra_sweep.supervisor.defaults import FOLDER, NAME, override
from hydra_sweep.supervisor.hooks import Hooks
from hydra_sweep.supervisor.launching import make_launcher
from hydra_sweep.supervisor.lock import only_supervisor
from hydra_sweep.supervisor.open_study import code_to_run, open_study
from hydra_sweep.sweep import Plan, Sweep

MOST_SEED = 2**32 - 1
NODES = {"sampler": "optuna.samplers.RandomSampler", "pruner": "optuna.pruners.NopPruner"}


def confirm(
    sweep: Sweep, best: list[FrozenTrial], server: ForkServer | None, train: Callable[..., bool]
) -> bool:
    """Has the `best` of the search, in this order, be run again, as far as they were not, by `train`: what
    has workers run the trials that are left. Returns whether all have ended.

    The `server` is one that has imported what trials need, None where there is none.
    """
    top, n, key = (sweep.settings.confirm[name] for name in ("top", "seeds", "key"))
    chosen = [(trial, point) for trial in candidates(best, top) for point in points_of(trial, key, n)]
    if not chosen:
        return True
    existing = address_of(sweep.address).load_existing()
    known = [run.params for run in existing.get_trials(deepcopy=False)] if existing else []
    new = [(trial, point) for trial, point in chosen if point not in known]
    again = _again(sweep, n_trials=len(known) + len(new))
    hooks = Hooks(again, server)
    try:
        if existing and not any_left(existing, again):
            hooks.do_without_imports()
        with only_supervisor(again.address.folder):
            launcher = make_launcher(again, hooks.server)
            overrides = to_overrides(chosen[0][1])
            loader = again.hydra_context.config_loader
            cfg = as_job(Composer(loader, again.config, again.space.fixed, overrides).example, 0, "0")
            where = launcher.gpus_per_job(), launcher.jobs_share_machine
            plan = Plan(again.address, again.settings, sweep.space, *where)
            with nullcontext() if server else code_to_run(sweep):
                study = open_study(again, cfg, plan, None, [], hooks)
            for trial, point in new:
                _enqueue(study, trial, point, key)
            goes_on = False
            try:
                ended = train(again, cfg, study, launcher, overrides, hooks)
                goes_on = not (ended or again.settings.wait)
                return ended
            finally:
                if not goes_on:  # without this process
                    hooks.finish(cfg)
    finally:
        hooks.stop()
        in_force(sweep.config)


def check_confirm(sweep: Sweep) -> None:
    """Raises SweepError where the study of these runs is another sweep's."""
    address = address_of(sweep.address)
    if sweep.settings.confirm and (existing := address.load_existing()):
        check_home(existing, address)


def _again(sweep: Sweep, n_trials: int) -> Sweep:
    """A sweep of trials that are given, all of each."""
    address, config = address_of(sweep.address), copy.deepcopy(sweep.config)
    OmegaConf.copy_cache(from_config=sweep.config, to_config=config)
    OmegaConf.set_readonly(config.hydra, False)
    override(config, FOLDER, str(address.folder))
    override(config, NAME, address.name)
    in_force(config)
    nodes = {name: OmegaConf.create({"_target_": target}) for name, target in NODES.items()}
    none = {"stop": {}, "confirm": {}, "repeats": {}, "enqueue": [], "warm_start": [], "prepare": None}
    settings = replace(
        sweep.settings, study_name=address.name, n_trials=n_trials, snapshot=False, **nodes, **none
    )
    return replace(
        sweep,
        address=address,
        settings=settings,
        space=SearchSpace({}, sweep.space.fixed),
        # a run that goes on from none before is what it is alone, at the last fidelity
        fidelity=sweep.fidelity if sweep.settings.go_on else None,
        config=config,
        nothing_twice=False,
        earlier=(),
    )


def _enqueue(study: optuna.Study, trial: FrozenTrial, point: dict, key: str) -> None:
    # the trial's own distributions: the sweep's may have become others since
    queue.enqueue(study, [point], {**trial.distributions, key: IntDistribution(0, MOST_SEED)})
