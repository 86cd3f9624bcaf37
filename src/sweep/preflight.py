"""What is checked before anything is written or started."""

import sys
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import optuna
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException
from hydra.utils import get_class, get_method, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import CategoricalDistribution

from src.sweep.compose import group_options
from src.sweep.errors import SweepError, unknown, unknown_key
from src.sweep.plan import Plan
from src.sweep.proposal import is_grid, make_sampler, propose
from src.sweep.snapshot import check_git
from src.sweep.space import grid_points, to_overrides
from src.sweep.storage import StudyAddress
from src.sweep.targets import targets, wrong_argument
from src.sweep.trial import Sweep


def examples(sweep: Sweep) -> tuple[list[str], list[DictConfig]]:
    """The overrides and the configuration of one trial, drawn at random; then its configuration with each
    other choice of every searched config group.

    Raises SweepError where a trial could not be made from what is configured.
    """
    if sweep.settings.snapshot:
        check_git()
    groups = _searched_groups(sweep)
    _check_made("sampler", sweep.settings.sampler, lambda node: make_sampler(node, 0))
    _check_made("pruner", sweep.settings.pruner, instantiate)
    _check_functions(sweep)
    drawn = _propose(sweep, {})
    others = [
        _propose(sweep, {**drawn, key: choice})
        for key, choices in groups.items()
        for choice in choices
        if choice != drawn[key]
    ]
    return to_overrides(drawn), [_compose(sweep, params, groups) for params in (drawn, *others)]


def check_task(sweep: Sweep, cfgs: list[DictConfig], plan: Plan) -> None:
    """Has `hydra.sweeper.check` look at the examples, and at the first with each searched value at its
    ends."""
    if not (path := sweep.settings.check):
        return
    for cfg in (*cfgs, *_at_ends(sweep, cfgs[0])):
        try:
            get_method(path)(cfg, plan)
        except SweepError:
            raise
        except Exception as error:  # of the user's function
            said = f"{type(error).__name__}: {_one_line(error)}"
            raise SweepError(f"hydra.sweeper.check={path}: {said}") from error


def fit_grid(sweep: Sweep) -> tuple[Sweep, list[dict] | None]:
    """For a grid search: the grid's points, and the sweep with no more trials than these."""
    if not is_grid(sweep.settings.sampler):
        return sweep, None
    if sweep.settings.custom_search_space:
        raise SweepError("A grid and hydra.sweeper.custom_search_space do not go together.")
    points = grid_points(sweep.space.distributions)
    n_trials = min(sweep.settings.n_trials, len(points))
    return replace(sweep, settings=replace(sweep.settings, n_trials=n_trials)), points


def check_folder(address: StudyAddress) -> None:
    """Raises SweepError where the folder of a study that is yet to be made holds trials: another
    study's, whose results would be overwritten."""
    if address.folder.is_dir() and any(path.name.isdigit() for path in address.folder.iterdir()):
        raise SweepError(
            f"{address.folder} holds trials, but there is no study {address.name} in its storage "
            f"({address.storage or address.journal.name}). Move the folder away, or set another "
            "hydra.sweeper.study_name, or hydra.sweeper.study=new for the next free one."
        )


def _propose(sweep: Sweep, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a trial, drawn at random where they are not given."""
    study = optuna.create_study(
        directions=sweep.settings.directions, sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.enqueue_trial(given)
    trial = study.ask()
    try:
        propose(sweep, trial)
    except Exception as error:  # of the user's function
        raise SweepError(
            f"hydra.sweeper.custom_search_space={sweep.settings.custom_search_space}: "
            f"{type(error).__name__}: {_one_line(error)}"
        ) from error
    fixed = {line.partition("=")[0]: line for line in sweep.space.fixed}
    if both := sorted(fixed.keys() & trial.params.keys()):
        raise SweepError(f"custom_search_space searches what {fixed[both[0]]} fixes: expected one of them.")
    return trial.params


def _compose(sweep: Sweep, params: Mapping[str, Any], groups: Mapping[str, Any]) -> DictConfig:
    chosen = " ".join(f"{key}={params[key]}" for key in groups)
    try:
        cfg = sweep.composer(to_overrides(params)).example
        _check_values(cfg)
    except (HydraException, OmegaConfBaseException) as error:
        said = str(error)
        if not isinstance(error, SweepError):
            cause = f" {error.__cause__}" if error.__cause__ else ""
            told = unknown_key(error) or _one_line(f"{error}{cause}")
            said = f"A trial's configuration does not compose: {told}"
        raise SweepError(f"With {chosen}: {said}" if chosen else said) from None
    return cfg


def _at_ends(sweep: Sweep, cfg: DictConfig) -> Iterator[DictConfig]:
    """The configuration with each searched value in turn at its least and greatest, or each of its choices.
    Of plain values alone: config groups are composed."""
    for key, one in sweep.space.distributions.items():
        ends = one.choices if isinstance(one, CategoricalDistribution) else (one.low, one.high)
        lines = [line for end in ends for line in to_overrides({key: end})]
        varied, path = deepcopy(cfg), key.lstrip("+")
        if isinstance(OmegaConf.select(cfg, path, throw_on_resolution_failure=False), str | int | float):
            for override in OverridesParser.create().parse_overrides(lines):
                OmegaConf.update(varied, path, override.value())
                yield varied


def _searched_groups(sweep: Sweep) -> dict[str, tuple]:
    """The config groups that are searched, with their choices, each of which must exist."""
    groups = {}
    for key, distribution in sweep.space.distributions.items():
        group = key.lstrip("+~").partition("@")[0]
        valid = group_options(sweep.hydra_context.config_loader, sweep.config, group)
        if valid and isinstance(distribution, CategoricalDistribution):
            for choice in distribution.choices:
                if str(choice) not in valid:
                    raise unknown(f"choice of {key}", str(choice), valid)
            groups[key] = distribution.choices
    return groups


def _check_made(name: str, node: DictConfig, make: Callable[[DictConfig], Any]) -> None:
    try:
        make(node)
    except (HydraException, OmegaConfBaseException, TypeError, ValueError, ImportError) as error:
        said = _one_line(error.__cause__ or error)
        raise SweepError(f"hydra.sweeper.{name}: {said}.{_wrong_argument(node)}") from None


def _wrong_argument(node: DictConfig) -> str:
    try:
        wrong = wrong_argument(get_class(node._target_), node)
    except (HydraException, OmegaConfBaseException, ImportError, ValueError, TypeError, AttributeError):
        return ""
    return f" {wrong}" if wrong else ""


def _check_functions(sweep: Sweep) -> None:
    """The light ones are imported; of the others only the module is looked up."""
    settings = sweep.settings
    for name in ("custom_search_space", "check"):
        if path := getattr(settings, name):
            try:
                get_method(path)
            except Exception as error:
                raise SweepError(f"hydra.sweeper.{name}={path}: {_one_line(error)}") from None
    for name in ("prepare", "finish"):
        if (path := getattr(settings, name)) and not _module_exists(str(path)):
            raise SweepError(f"hydra.sweeper.{name}={path}: there is no such module.")


def _check_values(cfg: DictConfig) -> None:
    task = {key: value for key, value in OmegaConf.to_container(cfg).items() if key != "hydra"}
    for target in targets(task):
        if not _module_exists(target):
            raise SweepError(f"_target_={target}: there is no such module.")
    if unset := list(_unset(task)):
        raise SweepError(f"{', '.join(unset)}: expected a value, got ??? (not set).")


def _module_exists(path: str) -> bool:
    """Whether the module of a dotted path is there; of libraries only the package, for looking further
    would import them."""
    parts = path.split(".")
    if parts[0] != __name__.partition(".")[0]:
        return parts[0] in sys.modules or _finds(parts[0])
    found = next(n for n in range(len(parts) - 1, 0, -1) if _finds(".".join(parts[:n])))
    # what follows the module is one name, or one in a class
    return len(parts) - found == 1 or parts[found][0].isupper()


def _finds(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except (ImportError, ValueError):
        return False


def _unset(node: Any, path: str = "") -> Iterator[str]:
    """The keys without a value beside a `_target_`, which could not be called."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield from (f"{path}{key}" for key, value in node.items() if value == "???")
        for key, child in node.items():
            yield from _unset(child, f"{path}{key}.")


def _one_line(error: BaseException | str) -> str:
    return " ".join(str(error).split())
