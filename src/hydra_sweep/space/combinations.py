"""The combinations of a space where there is a finite number of them."""

from bisect import bisect
from collections.abc import Iterator, Mapping
from itertools import accumulate
from math import prod
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from hydra_sweep.space.search_space import SearchSpace, powers

# So many branches of a space are told apart; one of more is taken for one without end.
BRANCHES = 1000


def count(space: SearchSpace) -> int | None:
    """How many there are; None where there is no end of them, or a function of the user's suggests more."""
    branches = None if space.custom else _branches(space)
    return None if branches is None else sum(n for _, n in branches)


def combinations(space: SearchSpace, first: int = 0) -> Iterator[dict[str, Any]]:
    """All of them, from the one of a number below `count` on, and then those before it."""
    branches = _branches(space)
    ends = list(accumulate(n for _, n in branches))
    for i in range(ends[-1]):
        index = (first + i) % ends[-1]
        at = bisect(ends, index)
        params, n = branches[at]
        yield _in_branch(space, params, index - ends[at] + n)


def mark(space: SearchSpace, params: Mapping[str, Any]) -> str | None:
    """What is the same for the same combination; None where a parameter is missing."""
    if space.missing(params):
        return None
    return " ".join(
        str(_index(one, params[name])) if space.has(name, params) else "-"
        for name, one in sorted(space.distributions.items())
    )


def _branches(space: SearchSpace) -> list[tuple[dict[str, Any], int]] | None:
    """The values of those parameters on which others depend, each time with the number of combinations of
    the others. None where there is no end of them."""
    branches: list[dict[str, Any]] = [{}]
    for name in space.distributions:
        if name not in space.controlling:
            continue
        longer = []
        for params in branches:
            n = _size(space, name, params) if space.has(name, params) else 0
            if n is None or len(longer) + n > BRANCHES:
                return None
            longer += [{**params, name: _value(space, name, params, i)} for i in range(n)] or [params]
        branches = longer
    sizes = [[_size(space, name, params) for name in _others(space, params)] for params in branches]
    if any(None in one for one in sizes):
        return None
    return [(params, prod(one)) for params, one in zip(branches, sizes, strict=True)]


def _others(space: SearchSpace, params: Mapping[str, Any]) -> list[str]:
    """The parameters of a branch on which no other depends."""
    names = [name for name in space.distributions if name not in space.controlling]
    return [name for name in names if space.has(name, params)]


def _in_branch(space: SearchSpace, params: Mapping[str, Any], index: int) -> dict[str, Any]:
    whole = dict(params)
    for name in _others(space, params):
        index, i = divmod(index, _size(space, name, params))
        whole[name] = _value(space, name, params, i)
    return whole


def _size(space: SearchSpace, name: str, params: Mapping[str, Any]) -> int | None:
    one = space.allowed(name, params)
    if isinstance(one, CategoricalDistribution):
        return len(one.choices)
    if name in space.pow2:
        return len(powers(one.low, one.high))
    if one.low == one.high:
        return 1
    return round((one.high - one.low) / one.step) + 1 if one.step else None


def _value(space: SearchSpace, name: str, params: Mapping[str, Any], index: int) -> Any:
    one = space.allowed(name, params)
    if isinstance(one, CategoricalDistribution):
        return one.choices[index]
    if name in space.pow2:
        return one.low << index
    # 0.1 + 2 * 0.1 is more than 0.3
    return min(one.low + index * (one.step or 0), one.high)


def _index(distribution: BaseDistribution, value: Any) -> float:
    if isinstance(distribution, CategoricalDistribution | IntDistribution) or not distribution.step:
        return distribution.to_internal_repr(value)
    return round((value - distribution.low) / distribution.step)
