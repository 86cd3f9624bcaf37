"""How much of a value is luck, as far as the study can tell."""

import math
from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from statistics import mean, median, stdev, variance

from optuna.trial import FrozenTrial

from hydra_sweep.facts.seen import Seen, is_result
from hydra_sweep.space.text import scalar

# of a curve's end: what is looked at, of the best so many trials
LAST, LOOKED_AT = 8, 5
# repeated trials beyond the first of each, below which their spread is not to be trusted
FREEDOM = 3
# a lead of so many standard deviations of a difference is no luck (1 in 20 by chance, both sides)
SURE = 2.0


@dataclass(frozen=True)
class Noise:
    """The standard deviation of a value, where the same configuration is trained again; `source` says how
    it is known."""

    sd: float
    source: str

    @property
    def of_difference(self) -> float:
        return self.sd * math.sqrt(2)


def noise(seen: Seen) -> Noise | None:
    """Of one objective; None where nothing tells.

    Of complete trials with the same parameters, where there are enough, the pooled standard deviation. Else
    the restlessness of the best trials' curves: the root of half the mean squared difference between
    neighbours among their last values (von Neumann et al. 1941, doi:10.1214/aoms/1177731746), freed of
    their trend, and none where they only rise or fall. That is less than what another seed would change:
    what is within it is luck, and what is beyond it need not be more.
    """
    if len(seen.directions) > 1:
        return None
    groups: dict[frozenset, list[float]] = defaultdict(list)
    for trial in filter(is_result, seen.trials):
        groups[frozenset((name, scalar(value)) for name, value in trial.params.items())].append(trial.value)
    repeated = [values for values in groups.values() if len(values) > 1]
    freedom = sum(len(values) - 1 for values in repeated)
    if freedom >= FREEDOM:
        pooled = sum(variance(values) * (len(values) - 1) for values in repeated) / freedom
        n = sum(map(len, repeated))
        return Noise(
            math.sqrt(pooled), f"from {n} trials of {len(repeated)} configurations that were repeated"
        )
    restless = [sd for trial in seen.best[:LOOKED_AT] if (sd := _restlessness(trial)) is not None]
    if not restless:
        return None
    return Noise(median(restless), "from how the last values of the best trials' curves differ")


def lead(seen: Seen) -> float | None:
    """By how much the best is better than the next with other parameters; None where there is none."""
    best = seen.best
    other = next((trial for trial in best[1:] if trial.params != best[0].params), None)
    return abs(best[0].value - other.value) if other else None


def _restlessness(trial: FrozenTrial) -> float | None:
    """None where the curve is short, or is of something else than the value."""
    curve = [value for _, value in sorted(trial.intermediate_values.items())]
    values = curve[-LAST:]
    if len(values) < LAST or not all(map(math.isfinite, curve)):
        return None
    if not any(math.isclose(trial.value, one) for one in (curve[-1], min(curve), max(curve), mean(values))):
        return None
    steps = [after - before for before, after in pairwise(values)]
    if all(step >= 0 for step in steps) or all(step <= 0 for step in steps):
        return 0.0
    return stdev(steps) / math.sqrt(2)
