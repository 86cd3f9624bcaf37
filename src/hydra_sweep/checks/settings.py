"""What `hydra.sweeper` itself names: sampler, pruner, functions."""

import inspect
from collections.abc import Callable
from typing import Any

import optuna
from hydra.errors import HydraException
from hydra.utils import get_class, get_method
from omegaconf import DictConfig
from omegaconf.errors import OmegaConfBaseException
from optuna.distributions import IntDistribution

from hydra_sweep.checks.configuration import module_exists
from hydra_sweep.errors import SweepError, one_line, sentence, unknown
from hydra_sweep.pruners import make_pruner
from hydra_sweep.space.compose import group_options
from hydra_sweep.space.samplers import make_sampler
from hydra_sweep.space.targets import wrong_argument
from hydra_sweep.study.sweep_study import BUDGET, SweepStudy
from hydra_sweep.sweep import Sweep

# the space of a sampler that is tried, where a function of the user's has the whole one
ANY = {name: IntDistribution(0, 9) for name in ("any", "other")}


def check_named(sweep: Sweep) -> None:
    """Raises SweepError where the sampler or the pruner cannot be made, or a function is not there."""
    settings = sweep.settings
    _check_made("sampler", settings.sampler, lambda _: _draw(make_sampler(settings, sweep.space, 0), sweep))
    _check_made("pruner", settings.pruner, make_pruner)
    _check_functions(sweep)


def check_sampler_choice(config: DictConfig, loader: Any) -> None:
    """Raises SweepError where hydra/sweeper/sampler is none of its choices: Hydra takes any, for some
    samplers are known to hydra-optuna-sweeper alone and some to us."""
    group = "hydra/sweeper/sampler"
    if config.hydra.sweeper.get("sampler") is None and (chosen := config.hydra.runtime.choices.get(group)):
        places = (group, "hydra/sweeper/sampler/optuna")
        valid = {option for place in places for option in group_options(loader, config, place)}
        if chosen not in valid:
            raise unknown(f"choice of {group}", chosen, sorted(valid))


def _check_made(name: str, node: DictConfig, make: Callable[[DictConfig], Any]) -> None:
    try:
        make(node)
    except ImportError as error:
        # of Optuna's samplers module and package have one name
        step = f" Install the package {error.name}." if isinstance(error, ModuleNotFoundError) else ""
        raise SweepError(f"hydra.sweeper.{name}: {sentence(error)}{step}") from None
    except (HydraException, OmegaConfBaseException, TypeError, ValueError, AttributeError) as error:
        said = sentence(error.__cause__ or error)
        raise SweepError(f"hydra.sweeper.{name}: {said}{_wrong_argument(node)}") from None


def _draw(sampler: optuna.samplers.BaseSampler, sweep: Sweep) -> None:
    """Some look at their arguments and at the space, and import what they need, only when there is a trial
    to learn from."""
    directions = sweep.settings.directions
    made = optuna.create_study(directions=directions)
    made.set_user_attr(BUDGET, 2)  # a sampler may stop so small a study
    study = SweepStudy(made.study_name, made._storage, sampler=sampler)
    for value in (0.0, 1.0):
        trial = study.ask()
        for name, distribution in (sweep.space.distributions or ANY).items():
            trial._suggest(name, distribution)
        study.tell(trial, [value] * len(directions))


def _wrong_argument(node: DictConfig) -> str:
    """What is wrong with an argument: its name, or a word where its default is a number."""
    try:
        target = get_class(node._target_)
        wrong = wrong_argument(target, node)
        defaults = {key: one.default for key, one in inspect.signature(target).parameters.items()}
    except (HydraException, OmegaConfBaseException, ImportError, ValueError, TypeError, AttributeError):
        return ""
    for key, default in defaults.items():
        is_number = isinstance(default, int | float) and not isinstance(default, bool)
        if is_number and isinstance(value := node.get(key), str):
            wrong = wrong or f"{key}: expected such as {default}, got {value!r}."
    return f" {wrong}" if wrong else ""


def _check_functions(sweep: Sweep) -> None:
    """The light ones are imported; of the others only the module is looked up."""
    light = [("custom_search_space", sweep.space.custom)] if sweep.space.custom else []
    light += [("check", path) for path in sweep.settings.hooks("check")]
    for name, path in light:
        try:
            get_method(path)
        except Exception as error:
            raise SweepError(f"hydra.sweeper.{name}={path}: {one_line(error)}") from None
    for name in ("prepare", "finish"):
        for path in sweep.settings.hooks(name):
            if not module_exists(path, sweep.root):
                raise SweepError(f"hydra.sweeper.{name}={path}: there is no such module.")
