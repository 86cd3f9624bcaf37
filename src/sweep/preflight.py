"""What is checked before anything is written or started."""

import inspect
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

import optuna
from hydra.errors import HydraException
from hydra.utils import get_class, get_method, instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import CategoricalDistribution

from src.sweep.errors import SweepError, unknown, unknown_key
from src.sweep.proposal import is_grid, make_sampler, propose
from src.sweep.snapshot import check_git
from src.sweep.space import grid_points
from src.sweep.storage import StudyAddress
from src.sweep.targets import targets
from src.sweep.trial import Sweep


def example(sweep: Sweep) -> tuple[list[str], DictConfig]:
    """The overrides and the configuration of one trial, drawn at random.

    Raises SweepError where a trial could not be made from what is configured.
    """
    if sweep.settings.snapshot:
        check_git()
    _check_choices(sweep)
    _check_made("sampler", sweep.settings.sampler, lambda node: make_sampler(node, 0))
    _check_made("pruner", sweep.settings.pruner, instantiate)
    _check_functions(sweep)
    overrides = _propose(sweep)
    try:
        cfg = sweep.composer(overrides).example
    except (HydraException, OmegaConfBaseException) as error:
        cause = f" {error.__cause__}" if error.__cause__ else ""
        said = unknown_key(error) or _one_line(f"{error}{cause}")
        raise SweepError(f"A trial's configuration does not compose: {said}") from None
    _check_values(cfg)
    return overrides, cfg


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


def _propose(sweep: Sweep) -> list[str]:
    study = optuna.create_study(
        directions=sweep.settings.directions, sampler=optuna.samplers.RandomSampler(seed=0)
    )
    trial = study.ask()
    try:
        overrides = propose(sweep, trial)
    except Exception as error:  # of the user's function
        raise SweepError(
            f"hydra.sweeper.custom_search_space={sweep.settings.custom_search_space}: "
            f"{type(error).__name__}: {_one_line(error)}"
        ) from error
    fixed = {line.partition("=")[0]: line for line in sweep.space.fixed}
    if both := sorted(fixed.keys() & trial.params.keys()):
        raise SweepError(f"custom_search_space searches what {fixed[both[0]]} fixes: expected one of them.")
    return overrides


def _check_choices(sweep: Sweep) -> None:
    """Each choice of a searched config group must exist: the example has only one of them."""
    for key, distribution in sweep.space.distributions.items():
        group = key.lstrip("+~").partition("@")[0]
        valid = sweep.hydra_context.config_loader.get_group_options(group)
        if valid and isinstance(distribution, CategoricalDistribution):
            for choice in distribution.choices:
                if choice is not None and str(choice) not in valid:
                    raise unknown(f"choice of {key}", str(choice), valid)


def _check_made(name: str, node: DictConfig, make: Callable[[DictConfig], Any]) -> None:
    try:
        make(node)
    except (HydraException, OmegaConfBaseException, TypeError, ValueError, ImportError) as error:
        said = _one_line(error.__cause__ or error)
        raise SweepError(f"hydra.sweeper.{name}: {said}.{_arguments(node)}") from None


def _arguments(node: DictConfig) -> str:
    try:
        valid = list(inspect.signature(get_class(node._target_)).parameters)
    except (HydraException, OmegaConfBaseException, ImportError, ValueError, TypeError, AttributeError):
        return ""
    if not (wrong := [str(key) for key in node if key not in (*valid, "_target_")]):
        return ""
    return f" {unknown('argument', wrong[0], valid)}"


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
        if (path := getattr(settings, name)) and not _module_exists(path):
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
