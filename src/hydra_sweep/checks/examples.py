"""Trials of the sweep, composed before there are any."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import optuna
from hydra.errors import MissingConfigException
from omegaconf import DictConfig
from omegaconf.errors import InterpolationResolutionError
from optuna.distributions import CategoricalDistribution

from hydra_sweep.checks.configuration import check_composed
from hydra_sweep.errors import DOES_NOT_COMPOSE, SweepError, one_line, unknown, unknown_key, unresolved
from hydra_sweep.space import lists
from hydra_sweep.space.compose import Composer, as_job, group_options
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.space.proposal import propose
from hydra_sweep.space.samplers import within
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.sweep import Sweep


def examples(sweep: Sweep, given: Mapping[str, Any]) -> tuple[dict[str, Any], list[DictConfig]]:
    """The parameters and the configuration of one trial, drawn at random where they are not given; then its
    configuration with each other choice of every searched config group, and of whatever decides which
    parameters there are, with each of these under every of its conditions; then the first trial's at each
    lower fidelity.

    Raises SweepError where a trial could not be made from what is configured.
    """
    groups = _searched_groups(sweep)
    shown = [_propose(sweep, given)]
    for world in _worlds(sweep.space, groups):
        if not any(world.items() <= params.items() for params in shown):
            shown.append(_propose(sweep, sweep.space.completed({**shown[0], **world})))
    cfgs: list[DictConfig] = []
    for params in shown:
        try:
            cfgs.append(_compose(sweep, params))
        except MissingConfigException as error:
            raise _no_choice(sweep, error, groups) from None
        except SweepError as error:
            if cfgs or not _is_wrong_in_all(sweep, shown[1:], error):
                of_choices = {key: params[key] for key in params if key in {*groups, *sweep.space.deciding}}
                raise _with(of_choices, error) from None
            raise
    for step in range(1, len(sweep.fidelity.values) if sweep.fidelity else 0):
        before = sweep.address.folder if step > 1 else None
        cfgs.append(_compose(sweep, shown[0], sweep.fidelity.overrides(step, before)))
    return shown[0], cfgs


def _worlds(space: SearchSpace, groups: Mapping[str, tuple]) -> Iterator[dict[str, Any]]:
    """Values of which each lot is to be in an example."""
    for name, one in space.distributions.items():
        if lists.is_element(name, space.distributions):
            continue
        ways = _ways_to(space, name)
        if name in groups or (name in space.deciding and isinstance(one, CategoricalDistribution)):
            ways = [{**way, name: choice} for way in ways for choice in one.choices]
        yield from ways


def _ways_to(space: SearchSpace, name: str) -> list[dict[str, Any]]:
    """The values of others with which a trial has the parameter."""
    ways: list[dict[str, Any]] = [{}]
    for parent, values in space.when.get(name, {}).items():
        above = [{**way, parent: value} for way in _ways_to(space, parent) for value in values]
        ways = [{**one, **other} for one in ways for other in above if _agree(one, other)]
    return ways


def _agree(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return all(one[key] == other[key] for key in one.keys() & other.keys())


def _propose(sweep: Sweep, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a trial, drawn at random where they are not given."""
    sampler = within(optuna.samplers.RandomSampler(seed=0), sweep.space)
    study = optuna.create_study(directions=sweep.settings.directions, sampler=sampler)
    study.enqueue_trial(given)
    trial = study.ask()
    try:
        propose(sweep.space, sweep.config, trial)
    except Exception as error:  # of the user's function
        raise SweepError(
            f"hydra.sweeper.custom_search_space={sweep.space.custom}: "
            f"{type(error).__name__}: {one_line(error)}"
        ) from error
    fixed = {line.partition("=")[0]: line for line in sweep.space.fixed}
    if both := sorted(fixed.keys() & trial.params.keys()):
        raise SweepError(f"custom_search_space searches what {fixed[both[0]]} fixes: expected one of them.")
    return trial.params


def _is_wrong_in_all(sweep: Sweep, others: Iterable[Mapping[str, Any]], error: SweepError) -> bool:
    """Whether these come to the same, so that it is nothing of what was chosen."""
    for params in others:
        try:
            _compose(sweep, params)
        except (SweepError, MissingConfigException) as other:
            if str(other) == str(error):
                continue
        return False
    return True


def _with(choices: Mapping[str, Any], error: SweepError) -> SweepError:
    chosen = " ".join(f"{key}={value}" for key, value in choices.items())
    return SweepError(f"With {chosen}: {error}") if chosen else error


def _compose(sweep: Sweep, params: Mapping[str, Any], others: Sequence[str] = ()) -> DictConfig:
    """Raises SweepError, or MissingConfigException for a choice that there is not."""
    try:
        loader, fixed = sweep.hydra_context.config_loader, sweep.space.fixed
        cfg = as_job(
            Composer(loader, sweep.config, fixed, [*to_overrides(params), *others]).example, 0, "0"
        )
        check_composed(cfg, sweep.root)
    except (SweepError, MissingConfigException):
        raise
    except DOES_NOT_COMPOSE as error:
        cause = f" {error.__cause__}" if error.__cause__ else ""
        told = unknown_key(error) or one_line(f"{error}{cause}")
        if isinstance(error, InterpolationResolutionError):
            told = unresolved(error)
        raise SweepError(f"A trial's configuration does not compose: {told}") from None
    return cfg


def _searched_groups(sweep: Sweep) -> dict[str, tuple]:
    """The config groups that are searched, with their choices."""
    return {
        key: distribution.choices
        for key, distribution in sweep.space.distributions.items()
        if isinstance(distribution, CategoricalDistribution) and _options(sweep, key)
    }


def _options(sweep: Sweep, key: str) -> list[str]:
    loader = sweep.hydra_context.config_loader
    return group_options(loader, sweep.config, key.lstrip("+").partition("@")[0])


def _no_choice(sweep: Sweep, error: MissingConfigException, groups: Iterable[str]) -> SweepError:
    missing = error.missing_cfg_file or ""
    for key in groups:
        group = key.lstrip("+").partition("@")[0]
        if missing.startswith(f"{group}/"):
            return unknown(f"choice of {key}", missing.removeprefix(f"{group}/"), _options(sweep, key))
    return SweepError(f"A trial's configuration does not compose: {one_line(error)}")
