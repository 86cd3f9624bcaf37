"""Which trials are best: of those that keep the constraints, by one objective or several."""

from collections.abc import Iterable, Sequence

from optuna.study import StudyDirection
from optuna.study._multi_objective import _get_pareto_front_trials_by_trials
from optuna.trial import FrozenTrial, TrialState


def best_first(trials: Iterable[FrozenTrial], directions: Sequence[StudyDirection]) -> list[FrozenTrial]:
    """Of the complete ones that break no constraint: for one objective all, the best first; for several
    those that no other dominates, the Pareto front."""
    feasible = [trial for trial in trials if trial.state == TrialState.COMPLETE and not broken(trial)]
    if len(directions) > 1:
        return _get_pareto_front_trials_by_trials(feasible, directions)
    maximize = directions[0] == StudyDirection.MAXIMIZE
    return sorted(feasible, key=lambda trial: trial.value, reverse=maximize)


def broken(trial: FrozenTrial) -> dict[str, float]:
    """The constraints that it breaks, and by how much."""
    return {text: value for text, value in trial.constraints.items() if value > 0}


def broken_line(trial: FrozenTrial) -> str:
    """In words; empty where it keeps all of them."""
    return ", ".join(f"breaks {text} by {value:.3g}" for text, value in broken(trial).items())


def closest(trials: Iterable[FrozenTrial]) -> FrozenTrial | None:
    """Of those that break a constraint the one that does so the least, in sum, as Optuna's samplers see it;
    complete ones come first."""
    infeasible = [trial for trial in trials if trial.state.is_finished() and broken(trial)]
    is_pruned = {trial.number: trial.state != TrialState.COMPLETE for trial in infeasible}
    return min(infeasible, key=lambda t: (is_pruned[t.number], sum(broken(t).values())), default=None)
