"""How much of a value is luck, as far as the study can tell."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median, stdev, variance

from optuna.trial import FrozenTrial

from hydra_sweep.facts.seen import Seen, is_result
from hydra_sweep.space.text import scalar
from hydra_sweep.study.repeats import repeats_of

# of a curve's end: what is looked at, of the best so many trials
LAST, LOOKED_AT = 8, 5
# repeated trials beyond the first of each, below which their spread is not to be trusted
FREEDOM = 3
# a lead of so many standard deviations of a difference is no luck (1 in 20 by chance, both sides)
SURE = 2.0
# of the best that are not told apart, as many are to be run again at most
MOST_CONFIRMED = 5


@dataclass(frozen=True)
class Noise:
    """The standard deviation of a value as the study has it, where the same configuration is trained again;
    `source` says how it is known."""

    sd: float
    source: str

    @property
    def of_difference(self) -> float:
        return self.sd * math.sqrt(2)


def noise(seen: Seen) -> Noise | None:
    """Of one objective; None where nothing tells.

    The pooled standard deviation of what was trained again with other seeds: the confirmed best, else each
    trial's repeats (the mean of n is known √n times as well), else complete trials with equal parameters.

    Else, where these are too few, the restlessness of the best trials' curves: the root of half the mean
    squared difference between neighbours among their last values (von Neumann et al. 1941,
    doi:10.1214/aoms/1177731746), freed of their trend. One that only rises or falls, as the best so far of
    a metric does, tells nothing. That is less than what another seed would change: what is within it is
    luck, and what is beyond it need not be more.
    """
    if len(seen.directions) > 1:
        return None
    groups: dict[frozenset, list[float]] = defaultdict(list)
    for trial in filter(is_result, seen.trials):
        groups[frozenset((name, scalar(value)) for name, value in trial.params.items())].append(trial.value)
    repeats = [[one for (one,) in repeats_of(trial)] for trial in seen.best]
    for known, source in (
        (list(seen.again.values()), "from runs of the best with fresh seeds"),
        (repeats, "from what each trial's repeats differ by"),
    ):
        if (sd := _pooled(known)) is not None:
            return Noise(sd / math.sqrt(median(map(len, filter(None, known)))), source)
    if (sd := _pooled(groups.values())) is not None:
        return Noise(sd, "from configurations that were trained several times")
    restless = [sd for trial in seen.best[:LOOKED_AT] if (sd := _restlessness(trial)) is not None]
    if not restless:
        return None
    return Noise(median(restless), "from how the last values of the best trials' curves differ")


def _pooled(groups: Iterable[Sequence[float]]) -> float | None:
    """Within the groups; None where that is not known well enough."""
    several = [values for values in groups if len(values) > 1]
    freedom = sum(len(values) - 1 for values in several)
    if freedom < FREEDOM:
        return None
    return math.sqrt(sum(variance(values) * (len(values) - 1) for values in several) / freedom)


def lead(seen: Seen) -> float | None:
    """By how much the best is better than the next with other parameters; None where there is none."""
    best = seen.best
    other = next((trial for trial in best[1:] if trial.params != best[0].params), None)
    return abs(best[0].value - other.value) if other else None


def to_confirm(seen: Seen, n: int) -> str | None:
    """The override with which the same command tells what of the best n is luck; None where they were
    confirmed, and of another program's study."""
    is_open = bool(seen.started_with) and not seen.again
    return f"hydra.sweeper.confirm.top={min(n, MOST_CONFIRMED)}" if is_open else None


def _restlessness(trial: FrozenTrial) -> float | None:
    """None where the curve is short, only rises or falls, or is of something else than the value."""
    curve = [value for _, value in sorted(trial.intermediate_values.items())]
    values = curve[-LAST:]
    if len(values) < LAST or not all(map(math.isfinite, curve)):
        return None
    if not any(math.isclose(trial.value, one) for one in (curve[-1], min(curve), max(curve), mean(values))):
        return None
    steps = [after - before for before, after in pairwise(values)]
    if all(step >= 0 for step in steps) or all(step <= 0 for step in steps):
        return None
    return stdev(steps) / math.sqrt(2)
