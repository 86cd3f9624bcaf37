"""The space that comes of overrides which depend on each other."""

import math
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from hydra.core.override_parser.types import ChoiceSweep, Override
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from hydra_sweep.errors import SweepError, unknown
from hydra_sweep.space import lists
from hydra_sweep.space.conditions import PRIOR, WHEN, parse_prior, parse_when
from hydra_sweep.space.distributions import Options, categorical, is_pow2, to_distribution
from hydra_sweep.space.references import References, with_ends
from hydra_sweep.space.search_space import Bounds, Prior, SearchSpace, powers
from hydra_sweep.space.text import scalar

Conditions = dict[str, tuple]
# the least and the greatest value of another parameter
Ends = tuple[float, float] | None


class Builder:
    """Adds one parameter after the other, each after those on which it depends.

    What is fixed is settled here: a condition on it holds for all trials, or for none. One that is fixed
    under a condition becomes a choice of one.
    """

    def __init__(
        self,
        overrides: dict[str, Override],
        references: References,
        options: Options,
        when: Any,
        prior: Any,
    ) -> None:
        self.overrides = overrides
        self.references = references
        self.options = options
        set_ones = {key: one for key, one in overrides.items() if not one.is_delete()}
        self.conditions = parse_when(when, set_ones)
        self.thought_good = parse_prior(prior, set_ones)
        self.fixed: dict[str, Any] = {}
        self.distributions: dict[str, BaseDistribution] = {}
        self.when: dict[str, Conditions] = {}
        self.bounds: dict[str, Bounds] = {}
        self.pow2: set[str] = set()
        self.priors: dict[str, Prior] = {}

    def space(self, custom: str | None) -> SearchSpace:
        for key in self._in_order():
            self._add(key)
        for key, (value, spread) in self.thought_good.items():
            self._add_prior(key, value, spread)
        fixed = [one.input_line for key, one in self.overrides.items() if key in self.fixed]
        rest = self.when, self.bounds, frozenset(self.pow2), self.priors
        return SearchSpace(self.distributions, fixed, custom, *rest)

    def _in_order(self) -> list[str]:
        depends = {
            key: [
                *(parent for parent, _ in self.conditions.get(key, [])),
                *filter(None, self.references.of(override)),
            ]
            for key, override in self.overrides.items()
        }
        try:
            return list(TopologicalSorter(depends).static_order())
        except CycleError as error:
            circle = " depends on ".join(reversed(error.args[1]))
            raise SweepError(f"{circle}: expected no circle in {WHEN} and in ranges.") from None

    def _add(self, key: str) -> None:
        override, conditions = self.overrides[key], self._conditions(key)
        if conditions is None:
            return  # no trial has it
        if override.is_sweep_override():
            self._add_searched(key, override, conditions)
        elif conditions:
            self._put(key, self._categorical(key, [override.value()]), conditions)
        else:
            self.fixed[key] = override.value()

    def _add_searched(self, key: str, override: Override, conditions: Conditions) -> None:
        bounds = self.references.of(override)
        ends = [self._ends(one, override) if one else None for one in bounds]
        low, high = (end and end[i] for i, end in enumerate(ends))
        with_ends(override, low, high)
        distribution = to_distribution(override, self.options)
        _check_room(override, distribution, *ends)
        left = Bounds(*(one if one in self.distributions else None for one in bounds))
        rest = left if any(left) else None, is_pow2(override)
        try:
            lengths = lists.lengths(getattr(override.value(), "tags", ()))
        except ValueError as error:
            raise SweepError(f"{override.input_line}: {error}") from None
        if lengths is None:
            self._put(key, distribution, conditions, *rest)
            return
        length = lists.length(key)
        self._put(length, IntDistribution(*lengths), conditions)
        for i in range(lengths[1]):
            long_enough = {length: tuple(range(i + 1, lengths[1] + 1))}
            self._put(lists.element(key, i), distribution, long_enough, *rest)

    def _put(
        self,
        name: str,
        distribution: BaseDistribution,
        conditions: Conditions,
        bounds: Bounds | None = None,
        is_pow2: bool = False,
    ) -> None:
        self.distributions[name] = distribution
        if conditions:
            self.when[name] = conditions
        if bounds:
            self.bounds[name] = bounds
        if is_pow2:
            self.pow2.add(name)

    def _conditions(self, key: str) -> Conditions | None:
        """Those that a trial decides; None where one never holds."""
        left: Conditions = {}
        for parent, wanted in self.conditions.get(key, []):
            values = self._wanted(parent, wanted, key)
            if parent in self.fixed:
                if self._categorical(parent, [self.fixed[parent]]).choices[0] not in values:
                    return None
            elif parent in self.distributions:
                left[parent] = tuple(one for one in values if one in left.get(parent, values))
            else:
                return None
        return left

    def _wanted(self, parent: str, wanted: Override, key: str) -> tuple:
        """The values of a condition, as the study keeps them."""
        given, where = wanted.value(), f"{WHEN}.{key}"
        listed = given.list if isinstance(given, ChoiceSweep) else [given]
        values = self._categorical(parent, listed).choices
        valid = self._valid(parent, wanted, where) or values
        by_text = {scalar(one): one for one in valid}
        for value in map(scalar, values):
            if value not in by_text and isinstance(valid, range):
                raise SweepError(f"{where}: {parent} is from {valid[0]} to {valid[-1]}, got {value}.")
            if value not in by_text:
                raise unknown(f"value of {parent} in {where}", value, list(by_text))
        return tuple(by_text[scalar(value)] for value in values)

    def _valid(self, parent: str, wanted: Override, where: str) -> Sequence[Any]:
        """The values that a parameter may have; none where anything might be meant."""
        if parent in self.fixed:
            return self.options(wanted.key_or_group)
        one = self.distributions.get(parent)
        if isinstance(one, CategoricalDistribution):
            return one.choices
        if isinstance(one, IntDistribution):
            is_pow2 = parent in self.pow2
            return powers(one.low, one.high) if is_pow2 else range(one.low, one.high + 1, one.step)
        if one is None and lists.length(parent) not in self.distributions:
            return ()  # no trial has it
        got = f"{parent} is neither a choice nor a whole number"
        raise SweepError(f"{where}={wanted.input_line}: {got}. Expected such as model=mlp.")

    def _ends(self, parent: str, child: Override) -> tuple[float, float]:
        """The least and the greatest value of a parameter to which a range refers."""
        one = self.distributions.get(parent)
        if one is None and parent not in self.fixed:
            raise SweepError(f"{child.input_line}: no trial has one {parent}.")
        values = getattr(one, "choices", None) or ([one.low, one.high] if one else [self.fixed.get(parent)])
        if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            raise SweepError(f"{child.input_line}: expected {parent} to be a number, got {values[0]}.")
        return min(values), max(values)

    def _add_prior(self, key: str, value: Any, spread: float) -> None:
        length = lists.length(key)
        if length in self.distributions:
            one = self.distributions[length]
            if not isinstance(value, list) or not one.low <= len(value) <= one.high:
                raise SweepError(
                    f"{PRIOR}.{key}: expected a list of {one.low} to {one.high}, got {value!r}."
                )
            self._add_prior_of(length, len(value), spread, key)
            for i, one in enumerate(value):
                self._add_prior_of(lists.element(key, i), one, spread, key)
        elif key in self.distributions:
            self._add_prior_of(key, value, spread, key)

    def _add_prior_of(self, name: str, value: Any, spread: float, key: str) -> None:
        one = self.distributions[name]
        if isinstance(one, CategoricalDistribution):
            value = self._categorical(key, [value]).choices[0]
            if value not in one.choices:
                raise unknown(f"value in {PRIOR}.{key}", scalar(value), list(map(scalar, one.choices)))
        elif isinstance(value, str | bool | None) or not one.low <= value <= one.high:
            raise SweepError(
                f"{PRIOR}.{key}: expected a number from {one.low} to {one.high}, got {value!r}."
            )
        self.priors[name] = Prior(value, spread)

    def _categorical(self, key: str, values: list[Any]) -> CategoricalDistribution:
        return categorical(values, bool(self.options(self.overrides[key].key_or_group)))


def _check_room(override: Override, distribution: BaseDistribution, low: Ends, high: Ends) -> None:
    """Raises SweepError where nothing may be left between the values of others that are its ends."""
    if not (low or high):
        return
    least, greatest = low[1] if low else distribution.low, high[0] if high else distribution.high
    if isinstance(distribution, IntDistribution):
        least, greatest = math.ceil(least), math.floor(greatest)
    if least > greatest or (is_pow2(override) and not powers(least, greatest)):
        raise SweepError(
            f"{override.input_line}: nothing is left where it is from {least} to {greatest}, as it may be: "
            "expected ends between which there always is a value."
        )
