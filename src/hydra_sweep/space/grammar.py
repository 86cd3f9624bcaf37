"""The search space: Hydra's sweep grammar on one side, Optuna's distributions on the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import (
    IntervalSweep,
    Override,
    Quote,
    QuotedString,
    RangeSweep,
    Transformer,
)
from hydra.errors import HydraException
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hydra_sweep.errors import SweepError, sentence

VALID = "Valid: choice(a,b), range(1,9,2), interval(0.0,1.0), int(interval(1,9)), tag(log,interval(…))."


@dataclass(frozen=True)
class SearchSpace:
    """What varies from trial to trial, and the overrides that every trial gets.

    `custom` is the dotted path of a function that suggests more, `hydra.sweeper.custom_search_space`.
    """

    distributions: dict[str, BaseDistribution]
    fixed: list[str]
    custom: str | None = None


def parse_space(
    params: Mapping[str, Any] | None, arguments: Sequence[str], custom: str | None = None
) -> SearchSpace:
    """The space of `hydra.sweeper.params` and of the command line, which comes first.

    The grammar is that of hydra-optuna-sweeper: `choice(…)` and `a,b` are categorical, `interval` is a
    range of floats, `int(interval(…))` one of integers, `range` one with a step whose end is included;
    `tag(log, interval(…))` is searched on a logarithmic scale; anything else is fixed.

    Raises SweepError where a value does not parse or a range is not one.
    """
    lines = [f"{key}={_yaml_value(value)}" for key, value in (params or {}).items()]
    given = [override for line in arguments for override in _parse(line)]
    _check_not_both(given)
    listed = [*(override for line in lines for override in _parse(line)), *given]
    overrides = {override.get_key_element(): override for override in listed}
    return SearchSpace(
        {key: to_distribution(o) for key, o in overrides.items() if o.is_sweep_override()},
        [o.input_line for o in overrides.values() if not o.is_sweep_override()],
        custom,
    )


def to_distribution(override: Override) -> BaseDistribution:
    """Raises SweepError where Optuna has no such distribution."""
    sweep = override.value()
    try:
        if override.is_choice_sweep() or (isinstance(sweep, RangeSweep) and sweep.shuffle):
            return CategoricalDistribution(list(override.sweep_iterator(_choice)))
        if isinstance(sweep, RangeSweep):
            return _range(sweep)
        if isinstance(sweep, IntervalSweep):
            return _interval(sweep)
    except ZeroDivisionError:
        raise SweepError(f"{override.input_line}: expected a step other than 0. {VALID}") from None
    except (ValueError, HydraException) as error:
        raise SweepError(f"{override.input_line}: {sentence(error)} {VALID}") from None
    raise SweepError(f"{override.input_line}: cannot be searched. {VALID}")


def to_overrides(params: Mapping[str, Any]) -> list[str]:
    """One override for each parameter, in Hydra's words."""
    return [f"{key}={_value(value)}" for key, value in params.items()]


def to_grammar(distribution: BaseDistribution) -> str:
    """The distribution in the words of `parse_space`."""
    if isinstance(distribution, CategoricalDistribution):
        return f"choice({', '.join(_value(choice) for choice in distribution.choices)})"
    low, high = distribution.low, distribution.high
    if distribution.step is not None and (isinstance(low, float) or distribution.step != 1):
        return f"range({low}, {high}, {distribution.step})"
    interval = f"interval({low}, {high})"
    if isinstance(distribution, IntDistribution):
        interval = f"int({interval})"
    return f"tag(log, {interval})" if distribution.log else interval


def grid_values(distribution: BaseDistribution, points: int) -> list[Any]:
    """All values, where there is a finite number on no scale but their own; else so many, both ends among
    them, evenly spaced on the distribution's scale (whole numbers are rounded, so that there may be
    fewer)."""
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    low, high, step = distribution.low, distribution.high, distribution.step
    if isinstance(distribution, IntDistribution) and not distribution.log:
        return list(range(low, high + 1, step))
    if step and not distribution.log:
        return [low + i * step for i in range(round((high - low) / step) + 1)]
    spaced = np.geomspace if distribution.log else np.linspace
    values = [min(max(value, low), high) for value in spaced(low, high, points).tolist()]
    return sorted({round(value) for value in values} if isinstance(low, int) else set(values))


def _parse(line: str) -> list[Override]:
    try:
        return OverridesParser.create().parse_overrides([line])
    except HydraException as error:
        # Hydra repeats the override, says what is wrong, and points at its manual.
        said = [text for text in str(error).splitlines() if "override" not in text]
        raise SweepError(f"{line}: {' '.join(said) or error}") from None


def _check_not_both(overrides: list[Override]) -> None:
    for searched in (override for override in overrides if override.is_sweep_override()):
        for fixed in (override for override in overrides if not override.is_sweep_override()):
            if searched.key_or_group == fixed.key_or_group:
                raise SweepError(
                    f"{searched.input_line} searches what {fixed.input_line} fixes: "
                    "expected one of the two."
                )


def _choice(value: Any) -> Any:
    """The value as Optuna keeps it: a plain one, or text that Hydra reads back as what it was."""
    text = value.text if isinstance(value, QuotedString) else value
    if not isinstance(text, str):
        return Transformer.encode(text)
    try:
        same = _parse(f"key={text}")[0].value() == text
    except SweepError:
        same = False
    return text if same else QuotedString(text, Quote.single).with_quotes()


def _range(sweep: RangeSweep) -> BaseDistribution:
    bounds = (sweep.start, sweep.stop, sweep.step)
    if any(isinstance(bound, float) for bound in bounds):
        return FloatDistribution(float(sweep.start), float(sweep.stop), step=float(sweep.step))
    steps = (sweep.stop - sweep.start) // sweep.step
    return IntDistribution(sweep.start, sweep.start + steps * sweep.step, step=sweep.step)


def _interval(sweep: IntervalSweep) -> BaseDistribution:
    log = "log" in sweep.tags
    if isinstance(sweep.start, int) and isinstance(sweep.end, int):
        return IntDistribution(sweep.start, sweep.end, log=log)
    return FloatDistribution(float(sweep.start), float(sweep.end), log=log)


def _yaml_value(value: Any) -> Any:
    return _value(value) if isinstance(value, bool | None) else value


def _value(value: Any) -> str:
    if value is None:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)
