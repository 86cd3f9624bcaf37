"""The search space: Hydra's sweep grammar on one side, Optuna's distributions on the other."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
from hydra.core.override_parser.types import (
    ChoiceSweep,
    Glob,
    IntervalSweep,
    Override,
    RangeSweep,
)
from hydra.errors import HydraException
from omegaconf import OmegaConf
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hydra_sweep.errors import SweepError, sentence
from hydra_sweep.space.text import CALL, parse, scalar, text_of, text_of_option, text_of_yaml

SEARCH = re.compile(r"\b(choice|range|interval|glob)\(")
# the choices of a config group; none where it is no group
Options = Callable[[str], list[str]]

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
    params: Mapping[str, Any] | None,
    arguments: Sequence[str],
    custom: str | None = None,
    options: Options = lambda group: [],
) -> SearchSpace:
    """The space of `hydra.sweeper.params` and of the command line, which comes first.

    The grammar is that of hydra-optuna-sweeper: `choice(…)` and `a,b` are categorical, `interval` is a
    range of floats, `int(interval(…))` one of integers, `range` one with a step whose end is included;
    `tag(log, interval(…))` is searched on a logarithmic scale; anything else is fixed.

    Raises SweepError where a value does not parse or a range is not one.
    """
    given = [parse(line) for line in arguments]
    _check_not_both(given)
    listed = [*(parse(line) for line in _lines(params or {}, options)), *given]
    overrides = {override.get_key_element(): override for override in listed}
    return SearchSpace(
        {key: to_distribution(o, options) for key, o in overrides.items() if o.is_sweep_override()},
        [o.input_line for o in overrides.values() if not o.is_sweep_override()],
        custom,
    )


def to_distribution(override: Override, options: Options = lambda group: []) -> BaseDistribution:
    """Raises SweepError where Optuna has no such distribution."""
    sweep = override.value()
    try:
        if isinstance(sweep, ChoiceSweep):
            return _categorical(sweep.list, bool(options(override.key_or_group)))
        if isinstance(override._value, Glob):
            here = [option for option in options(override.key_or_group) if "/" not in option]
            return _categorical(override._value.filter(here), is_group=True)
        if isinstance(sweep, RangeSweep):
            return _range(sweep)
        if isinstance(sweep, IntervalSweep):
            return _interval(sweep)
    except (ValueError, HydraException) as error:
        raise SweepError(f"{override.input_line}: {sentence(error)} {VALID}") from None
    raise SweepError(f"{override.input_line}: cannot be searched. {VALID}")


def to_overrides(params: Mapping[str, Any]) -> list[str]:
    """One override for each parameter, in Hydra's words."""
    return [f"{key}={scalar(value)}" for key, value in params.items()]


def to_grammar(distribution: BaseDistribution) -> str:
    """The distribution in the words of `parse_space`."""
    if isinstance(distribution, CategoricalDistribution):
        return f"choice({', '.join(scalar(choice) for choice in distribution.choices)})"
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
        return [min(low + i * step, high) for i in range(round((high - low) / step) + 1)]
    spaced = np.geomspace if distribution.log else np.linspace
    values = [min(max(value, low), high) for value in spaced(low, high, points).tolist()]
    return sorted({round(value) for value in values} if isinstance(low, int) else set(values))


def _lines(params: Mapping[str, Any], options: Options, path: str = "") -> Iterator[str]:
    """An override for each key; for those of a dictionary, where they are searched."""
    for key, value in params.items():
        plain = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        name = f"{path}{key}"
        if isinstance(plain, dict) and any(map(_is_searched, _leaves(plain))):
            yield from _lines(plain, options, f"{name}.")
        elif isinstance(plain, list) and any(map(_is_searched, _leaves(plain))):
            raise SweepError(f"hydra.sweeper.params.{name}: a part of a list cannot be searched. {VALID}")
        elif name.startswith("~") and plain in (None, ""):
            yield name
        else:
            group = name.lstrip("+").partition("@")[0]
            yield f"{name}={text_of_yaml(name, plain, bool(options(group)))}"


def _leaves(node: Any) -> Iterator[Any]:
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _leaves(child)
    else:
        yield node


def _is_searched(leaf: Any) -> bool:
    """Whether a part of a value is a search: by its function, for commas are common in texts."""
    return isinstance(leaf, str) and bool(CALL.match(leaf) and SEARCH.search(leaf))


def _check_not_both(overrides: list[Override]) -> None:
    for searched in (override for override in overrides if override.is_sweep_override()):
        for fixed in (override for override in overrides if not override.is_sweep_override()):
            if searched.key_or_group == fixed.key_or_group:
                raise SweepError(
                    f"{searched.input_line} searches what {fixed.input_line} fixes: "
                    "expected one of the two."
                )


def _categorical(values: Sequence[Any], is_group: bool) -> CategoricalDistribution:
    """The choices as Optuna keeps them: plain values, or text that Hydra reads back as what they were."""
    choices: dict[str, Any] = {}
    for value in values:
        text = text_of_option(value) if is_group else text_of(value)
        is_plain = isinstance(value, bool | int | float) and not is_group
        # 1, 1.0 and true are one to Python, and so to Optuna
        choices.setdefault(text, value if is_plain and value not in choices.values() else text)
    return CategoricalDistribution(list(choices.values()))


def _range(sweep: RangeSweep) -> BaseDistribution:
    if sweep.shuffle:
        return _categorical(list(sweep.range()), is_group=False)
    is_float = any(isinstance(bound, float) for bound in (sweep.start, sweep.stop, sweep.step))
    start, stop, step = (Decimal(str(bound)) for bound in (sweep.start, sweep.stop, sweep.step))
    if not step or (stop - start) / step < 0:
        raise ValueError(f"steps of {step} do not lead from {start} to {stop}")
    low, high = sorted((start, start + (stop - start) // step * step))
    if is_float:
        return FloatDistribution(float(low), float(high), step=float(abs(step)))
    return IntDistribution(int(low), int(high), step=int(abs(step)))


def _interval(sweep: IntervalSweep) -> BaseDistribution:
    log = "log" in sweep.tags
    if isinstance(sweep.start, int) and isinstance(sweep.end, int):
        return IntDistribution(sweep.start, sweep.end, log=log)
    return FloatDistribution(float(sweep.start), float(sweep.end), log=log)
