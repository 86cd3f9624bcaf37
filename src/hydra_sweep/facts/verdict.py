"""What a reader wants to know first: which configuration, by how much, sure or luck, what next."""

from collections.abc import Sequence
from statistics import median

from optuna.trial import TrialState

from hydra_sweep.facts.hint import Hint
from hydra_sweep.facts.noise import SURE, lead, noise, to_confirm
from hydra_sweep.facts.seen import Seen, is_result, label
from hydra_sweep.report.words import counted
from hydra_sweep.space.lists import values
from hydra_sweep.study.best import broken_line, closest
from hydra_sweep.study.sweep_study import BUDGET

# so many of the best are to be run again
TO_CONFIRM = 3


def verdict(seen: Seen, hints: Sequence[Hint]) -> str:
    """A few sentences."""
    if not seen.best:
        return _without_result(seen)
    said = _front(seen) if len(seen.directions) > 1 else _one(seen)
    return f"{said} {_next(seen, hints)}"


def _without_result(seen: Seen) -> str:
    n_failed = len(seen.ended(TrialState.FAIL))
    if near := closest(seen.trials):
        return f"No trial keeps the constraints. Trial {near.number} comes closest: it {broken_line(near)}."
    if n_failed:
        return f"No trial has a result, and {n_failed} failed: the failures below say why."
    return "No trial has a result yet."


def _front(seen: Seen) -> str:
    n, names = len(seen.best), " and ".join(seen.metrics)
    if n == 1:
        return f"Trial {seen.best[0].number} is the best in each of {names}."
    return f"{n} trials are the best, each in its own way: none is better than another in {names} at once."


def _one(seen: Seen) -> str:
    best, ahead = seen.best[0], lead(seen)
    shown = values(best.params)
    params = ", ".join(f"{label(name, shown)}={_short(value)}" for name, value in shown.items())
    said = f"Trial {best.number} is the best: {seen.metrics[0]} {best.value:.6g}"
    said += f" with {params}" if params else ""
    again = len(seen.again.get(best.number, ()))
    said += f", the mean of {counted(again, 'run')} with fresh seeds." if again else "."
    if ahead is None:
        return f"{said} There is no other to compare it with."
    complete = [trial.value for trial in seen.trials if is_result(trial)]
    above = abs(best.value - median(complete))
    said += f" It leads the next by {ahead:.3g}, and the median of {len(complete)} complete by {above:.3g}."
    return f"{said} {_sure_or_luck(seen, ahead)}"


def _sure_or_luck(seen: Seen, ahead: float) -> str:
    if not (found := noise(seen)):
        said = "Whether that is luck is not known: no configuration was trained twice."
        return f"{said} {_to_know(seen)}".rstrip()
    known = f"values are known to ±{found.sd:.2g} ({found.source})."
    if ahead > SURE * found.of_difference:
        return f"The lead is more than luck: {known}"
    word = "may yet be" if ahead > found.of_difference else "is no more than"
    return f"The lead {word} luck: {known} {_to_know(seen)}".rstrip()


def _to_know(seen: Seen) -> str:
    n = min(TO_CONFIRM, len(seen.best))
    if not (add := to_confirm(seen, n)):
        return ""
    return f"To know, add {add} to the same command: the best {n} are run again with fresh seeds."


def _next(seen: Seen, hints: Sequence[Hint]) -> str:
    left = seen.attrs.get(BUDGET, 0) - sum(trial.state.is_finished() for trial in seen.trials)
    if left > 0:
        return f"{counted(left, 'trial')} of {seen.attrs[BUDGET]} are yet to end."
    if hints:
        return f"Next, see the hint: {hints[0].title}."
    return "Next: run it again with other seeds before you rely on it."


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
