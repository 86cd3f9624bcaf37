"""The combinations of a space where there is a finite number of them."""

from collections.abc import Mapping
from math import prod
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from hydra_sweep.space.grammar import SearchSpace


def count(space: SearchSpace) -> int | None:
    """How many there are; None where there is no end of them, or a function of the user's suggests more."""
    sizes = [_size(one) for one in space.distributions.values()]
    return None if space.custom or None in sizes else prod(sizes)


def combination(space: SearchSpace, index: int) -> dict[str, Any]:
    """The one of a number from 0 below `count`."""
    params = {}
    for name, distribution in space.distributions.items():
        index, i = divmod(index, _size(distribution))
        params[name] = _value(distribution, i)
    return params


def mark(space: SearchSpace, params: Mapping[str, Any]) -> str | None:
    """What is the same for the same combination; None where a parameter is missing."""
    if not space.distributions.keys() <= params.keys():
        return None
    return " ".join(str(_index(one, params[name])) for name, one in sorted(space.distributions.items()))


def _size(distribution: BaseDistribution) -> int | None:
    if isinstance(distribution, CategoricalDistribution):
        return len(distribution.choices)
    low, high, step = distribution.low, distribution.high, distribution.step
    if low == high:
        return 1
    return round((high - low) / step) + 1 if step else None


def _value(distribution: BaseDistribution, index: int) -> Any:
    if isinstance(distribution, CategoricalDistribution):
        return distribution.choices[index]
    # 0.1 + 2 * 0.1 is more than 0.3
    return min(distribution.low + index * (distribution.step or 0), distribution.high)


def _index(distribution: BaseDistribution, value: Any) -> float:
    if isinstance(distribution, CategoricalDistribution | IntDistribution) or not distribution.step:
        return distribution.to_internal_repr(value)
    return round((value - distribution.low) / distribution.step)
