"""What the constraints name must be there: a value, a measure, or what trials will tell."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from difflib import get_close_matches
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hydra_sweep.checks.configuration import module_exists
from hydra_sweep.errors import SweepError
from hydra_sweep.space.constraints import Constraint, parse_constraint
from hydra_sweep.sweep import Sweep

# how alike a name must be to a known one to be taken for it, misspelt: trials may tell of any
ALIKE = 0.85


def with_constraints(sweep: Sweep, cfgs: list[DictConfig]) -> Sweep:
    """The sweep with its constraints. `cfgs` are examples of trials' configurations.

    Raises SweepError where one is no comparison, or where a name in it is no number, or most likely
    misspelt. What is neither in a configuration nor measured is for the trials to tell.
    """
    for name, path in sweep.settings.measures.items():
        if not module_exists(path, sweep.root):
            raise SweepError(f"hydra.sweeper.measures.{name}={path}: there is no such module.")
    constraints = [parse_constraint(text) for text in sweep.settings.constraints]
    return replace(sweep, constraints=tuple(_with_told(one, sweep, cfgs) for one in constraints))


def _with_told(constraint: Constraint, sweep: Sweep, cfgs: list[DictConfig]) -> Constraint:
    known = {key.lstrip("+") for key in sweep.space.distributions} | sweep.settings.measures.keys()
    told = [name for name in constraint.names if name not in known and not _is_number(name, cfgs)]
    known |= {key for cfg in cfgs for key, value in _leaves(cfg) if isinstance(value, int | float)}
    for name in told:
        is_path = "." in name and "/" not in name and name.partition(".")[0] in cfgs[0]
        near = get_close_matches(name, known, n=1, cutoff=0.6 if is_path else ALIKE)
        if is_path or near:
            meant = f" Did you mean {near[0]}?" if near else ""
            raise SweepError(f"hydra.sweeper.constraints: {constraint.text}: there is no {name}.{meant}")
    return replace(constraint, told=frozenset(told))


def _is_number(name: str, cfgs: list[DictConfig]) -> bool:
    """Whether it is a number in a configuration, and nothing else in any."""
    found = [OmegaConf.select(cfg, name) for cfg in cfgs]
    found = [value for value in found if value is not None]
    if wrong := [value for value in found if not isinstance(value, int | float)]:
        raise SweepError(f"hydra.sweeper.constraints: {name}: expected a number, got {wrong[0]!r}.")
    return bool(found)


def _leaves(node: Mapping[str, Any] | DictConfig, path: str = "") -> Iterator[tuple[str, Any]]:
    plain = OmegaConf.to_container(node) if OmegaConf.is_config(node) else node
    for key, value in plain.items():
        if isinstance(value, dict):
            if f"{path}{key}" != "hydra":
                yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
