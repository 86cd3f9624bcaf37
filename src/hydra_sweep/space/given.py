"""Values that come from without, as parameters of a trial: what is enqueued, found before, or by hand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from optuna.distributions import BaseDistribution

from hydra_sweep.space import lists
from hydra_sweep.space.grammar import conditions, searched, to_overrides
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.space.text import scalar
from hydra_sweep.space.values import read as read_plain

# a value of a key, as the distribution has it; raises ValueError where it is not in that
Read = Callable[[str, BaseDistribution, Any], Any]


@dataclass(frozen=True)
class Given:
    """`params` are those that a trial may have together. The others by their keys, in words: `outside` is
    what the space does not have, `apart` what does not go with these parameters."""

    params: dict[str, Any]
    outside: dict[str, str]
    apart: dict[str, str]


def given(space: SearchSpace, values: Mapping[str, Any], read: Read) -> Given:
    """What comes of values by their keys, without a + and lists whole. A parameter with one value only is
    among the parameters wherever a trial has it."""
    found = Given({}, {}, {})
    parts = _parts(space, values)
    for name, distribution in space.distributions.items():
        own = lists.key_of(name, space.distributions)
        key = own.lstrip("+")
        if key in found.outside or key in found.apart:
            continue
        has = space.has(name, found.params)
        left_open = [one.lstrip("+") for one in space.parents(name) if one not in found.params]
        if name not in parts:
            if has and distribution.single():
                found.params[name] = space.first(name, found.params)
        elif not has:
            found.apart[key] = f"{key} is for trials with {conditions(space, name)} alone"
        elif left_open:
            found.apart[key] = f"{key} depends on {left_open[0]}, which has no value"
        else:
            try:
                value = _tied(distribution, parts[name], values)
                value = read(key, distribution, value) if own == name else read_plain(distribution, value)
                if value != space.fitted(name, value, found.params):
                    raise ValueError
                found.params[name] = value
            except ValueError:
                said = to_overrides({key: values[key]})[0]
                found.outside[key] = f"{said} is outside of {searched(space, own)}"
    return found


def _parts(space: SearchSpace, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values by the names of parameters, lists in parts."""
    parts: dict[str, Any] = {}
    for name in space.distributions:
        own = lists.key_of(name, space.distributions)
        if (key := own.lstrip("+")) in values and not lists.is_element(name, space.distributions):
            parts |= {name: values[key]} if own == name else lists.parts(own, values[key])
    return parts


def _tied(distribution: BaseDistribution, value: Any, values: Mapping[str, Any]) -> Any:
    """The value; of what follows another parameter the reference, where it has the value of that."""
    choices = getattr(distribution, "choices", ())
    tie = lists.TIE.fullmatch(str(choices[0])) if len(choices) == 1 else None
    return choices[0] if tie and scalar(values.get(tie[1])) == scalar(value) else value
