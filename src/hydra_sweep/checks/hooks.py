"""What the hooks `check` say of a task's configuration."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import chain
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_method
from omegaconf import DictConfig, ListConfig, OmegaConf
from optuna.distributions import CategoricalDistribution

from hydra_sweep.errors import SweepError, one_line
from hydra_sweep.space import lists
from hydra_sweep.space.compose import in_force
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.sweep import Plan, Sweep

PLAIN = str | int | float | ListConfig


def check_task(sweep: Sweep, params: Mapping[str, Any], cfgs: list[DictConfig], plan: Plan) -> None:
    """Has the hooks look at the examples, and at the first, which has the parameters, with each searched
    value at its ends."""
    for path in sweep.settings.hooks("check"):
        for cfg in chain(cfgs, _at_ends(sweep.space, params, cfgs[0])):
            try:
                get_method(path)(in_force(cfg), plan)
            except SweepError:
                raise
            except Exception as error:  # of the user's function
                said = f"{type(error).__name__}: {one_line(error)}"
                raise SweepError(f"hydra.sweeper.check={path}: {said}") from error


def _at_ends(space: SearchSpace, params: Mapping[str, Any], cfg: DictConfig) -> Iterator[DictConfig]:
    """The configuration with each searched value in turn at its least and greatest, or each of its choices,
    and with what others may then be: one and the same for each value, good until the next. Of plain values
    and lists: config groups are composed, and for what decides which parameters there are there are
    examples."""
    for key in space.distributions:
        if key not in params or key in space.deciding:
            continue
        one = space.allowed(key, params)
        ends = one.choices if isinstance(one, CategoricalDistribution) else (one.low, one.high)
        each = [lists.values(space.completed({**params, key: end})) for end in ends]
        changed = [name for name in each[0] if any(values[name] != each[0][name] for values in each)]
        paths = {name: name.lstrip("+") for name in changed}
        plain = [name for name in changed if isinstance(_select(cfg, paths[name]), PLAIN)]
        varied = deepcopy(cfg)
        for values in each if plain else ():
            lines = to_overrides({name: values[name] for name in plain})
            for override in OverridesParser.create().parse_overrides(lines):
                OmegaConf.update(varied, paths[override.get_key_element()], override.value())
            yield varied


def _select(cfg: DictConfig, path: str) -> Any:
    return OmegaConf.select(cfg, path, throw_on_resolution_failure=False)
