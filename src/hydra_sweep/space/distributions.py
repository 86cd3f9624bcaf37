"""Optuna's distributions, of what Hydra's sweep grammar says."""

from collections.abc import Callable, Sequence
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
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hydra_sweep.errors import SweepError, sentence
from hydra_sweep.space.search_space import powers
from hydra_sweep.space.text import text_of, text_of_option

# the choices of a config group; none where it is no group
Options = Callable[[str], list[str]]

VALID = (
    "Valid: choice(a,b), range(1,9,2), interval(0.0,1.0), int(interval(1,9)), tag(log,interval(…)), "
    "tag(pow2,int(interval(8,64))), tag(list:1:3,…)."
)
POW2 = "pow2"


def to_distribution(override: Override, options: Options = lambda group: []) -> BaseDistribution:
    """Raises SweepError where Optuna has no such distribution."""
    sweep = override.value()
    try:
        if is_pow2(override):
            return _powers(sweep)
        if isinstance(sweep, ChoiceSweep):
            return categorical(sweep.list, bool(options(override.key_or_group)))
        if isinstance(override._value, Glob):
            here = [option for option in options(override.key_or_group) if "/" not in option]
            return categorical(override._value.filter(here), is_group=True)
        if isinstance(sweep, RangeSweep):
            return _range(sweep)
        if isinstance(sweep, IntervalSweep):
            return _interval(sweep)
    except (ValueError, HydraException) as error:
        raise SweepError(f"{override.input_line}: {sentence(error)} {VALID}") from None
    raise SweepError(f"{override.input_line}: cannot be searched. {VALID}")


def is_pow2(override: Override) -> bool:
    """Whether only powers of two are meant."""
    return POW2 in getattr(override.value(), "tags", ())


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


def categorical(values: Sequence[Any], is_group: bool) -> CategoricalDistribution:
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
        return categorical(list(sweep.range()), is_group=False)
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


def _powers(sweep: Any) -> IntDistribution:
    ends = getattr(sweep, "start", None), getattr(sweep, "end", None)
    if not all(isinstance(end, int) and end > 0 for end in ends):
        raise ValueError("tag(pow2, …) takes int(interval(…)) of numbers from 1 up.")
    if not (inside := powers(*ends)):
        raise ValueError("there is no power of two in it.")
    return IntDistribution(inside[0], inside[-1], log=True)
