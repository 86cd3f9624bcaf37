"""What varies from trial to trial, and what of it each trial has."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution


class Bounds(NamedTuple):
    """The parameters whose values a value is to be between, both included."""

    low: str | None = None
    high: str | None = None


class Prior(NamedTuple):
    """A value thought good, and how far from it the best one may well be, as a share of the range."""

    value: Any
    spread: float


@dataclass(frozen=True)
class SearchSpace:
    """`distributions` are all there are, each after those that it depends on; `fixed` are the overrides
    that every trial gets.

    A trial has a parameter where each of those that `when` names for it has one of the values there.
    Where `bounds` hold for one, its distribution is the widest that there may be: what a study keeps must
    be one and the same, or samplers that propose all parameters together would leave it out
    (optuna.search_space.intersection_search_space). `pow2` are those of which only powers of two are
    tried. `custom` is the dotted path of a function that suggests more,
    `hydra.sweeper.custom_search_space`.
    """

    distributions: dict[str, BaseDistribution]
    fixed: list[str]
    custom: str | None = None
    when: Mapping[str, Mapping[str, tuple]] = field(default_factory=dict)
    bounds: Mapping[str, Bounds] = field(default_factory=dict)
    pow2: frozenset[str] = frozenset()
    priors: Mapping[str, Prior] = field(default_factory=dict)

    @property
    def controlling(self) -> set[str]:
        """The parameters on which it depends what others there are, or what they may be."""
        return {parent for name in self.distributions for parent in self.parents(name)}

    @property
    def deciding(self) -> set[str]:
        """The parameters by which it is decided what others there are, but for the elements of lists."""
        return {
            parent for conditions in self.when.values() for parent in conditions if not parent.endswith(")")
        }

    @property
    def conditional(self) -> list[str]:
        """The parameters that only some trials have."""
        found: list[str] = []
        for name in self.distributions:
            parents = self.when.get(name, {})
            if any(parent in found or not self.distributions[parent].single() for parent in parents):
                found.append(name)
        return found

    @property
    def only_seeds(self) -> bool:
        """Whether trials differ in their seed alone: they are for their mean."""
        return self.distributions.keys() == {"seed"} and not self.custom

    def parents(self, name: str) -> list[str]:
        """The parameters on which it depends whether a trial has this one, or what it may be."""
        return [*self.when.get(name, {}), *filter(None, self.bounds.get(name, ()))]

    def has(self, name: str, params: Mapping[str, Any]) -> bool:
        """Whether a trial has the parameter, by the values of those before it."""
        return all(
            parent in params and params[parent] in values
            for parent, values in self.when.get(name, {}).items()
        )

    def missing(self, params: Mapping[str, Any]) -> list[str]:
        """The parameters that a trial with these has yet to get."""
        return [name for name in self.distributions if name not in params and self.has(name, params)]

    def allowed(self, name: str, params: Mapping[str, Any]) -> BaseDistribution:
        """The part of its distribution that is left by the values of those before it."""
        one = self.distributions[name]
        if name not in self.bounds:
            return one
        bounds, whole = self.bounds[name], isinstance(one, IntDistribution)
        low = max(one.low, params.get(bounds.low, one.low))
        high = min(one.high, params.get(bounds.high, one.high))
        if whole:
            low, high = math.ceil(low), math.floor(high)
        if name in self.pow2:
            low, high = powers(low, high)[0], powers(low, high)[-1]
        elif one.step:
            start, step = Decimal(str(one.low)), Decimal(str(one.step))
            high = type(one.low)(start + (Decimal(str(high)) - start) // step * step)
        return type(one)(low, high, log=one.log, step=one.step)

    def fitted(self, name: str, value: Any, params: Mapping[str, Any]) -> Any:
        """The value of those allowed that is nearest, on the distribution's scale."""
        one = self.allowed(name, params)
        if isinstance(one, CategoricalDistribution):
            return value
        value = min(max(value, one.low), one.high)
        return 1 << round(math.log2(value)) if name in self.pow2 else value

    def first(self, name: str, params: Mapping[str, Any]) -> Any:
        """The least value of those allowed, or the first choice."""
        one = self.allowed(name, params)
        return one.choices[0] if isinstance(one, CategoricalDistribution) else one.low

    def completed(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters of a trial that has these where it may: the nearest where not, and the first
        where there is none."""
        whole = {name: value for name, value in params.items() if name not in self.distributions}
        for name in self.distributions:
            if self.has(name, whole):
                value = params[name] if name in params else self.first(name, whole)
                whole[name] = self.fitted(name, value, whole)
        return whole


def powers(low: int, high: int) -> list[int]:
    """Of two, both ends included."""
    return [1 << n for n in range((low - 1).bit_length(), high.bit_length())]
