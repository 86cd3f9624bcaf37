"""By how much a trial that has ended breaks the constraints."""

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from optuna import Study
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.space.constraints import Constraint, distances
from hydra_sweep.study.outcome import Outcome

HOW = (
    "hydra_sweep.current_trial().set_user_attr(name, number) tells it, and the callback "
    "hydra_sweep.lightning.Pruning what a model logs"
)


def judged(
    outcome: Outcome,
    constraints: tuple[Constraint, ...],
    known: Mapping[str, float],
    study: Study,
    trial: FrozenTrial,
) -> Outcome:
    """The outcome with what it breaks; a mistake where a trial is complete and has not told of what a
    constraint names. `known` are the numbers from before it was begun, `trial` is as it is now."""
    if not constraints or outcome.state not in (TrialState.COMPLETE, TrialState.PRUNED):
        return outcome
    told = {key: value for key, value in trial.user_attrs.items() if isinstance(value, int | float)}
    numbers = {**known, **told, **_objectives(outcome, study)}
    missing = [
        name for one in constraints for name in one.names if name in one.told and name not in numbers
    ]
    if missing and outcome.state == TrialState.COMPLETE:
        name = missing[0]
        near = "".join(f" Did you mean {one}?" for one in get_close_matches(name, numbers, n=1))
        said = f"hydra.sweeper.constraints: the trial has told no {name}.{near} {HOW}"
        return Outcome(TrialState.WAITING, reason=said, mistake=True)  # its training may be long, and done
    # What does not bind a trial, it keeps: GP compares complete ones by the same constraints.
    kept = {one.text: 0.0 for one in constraints} if outcome.state == TrialState.COMPLETE else {}
    return replace(outcome, constraints=kept | distances(constraints, numbers))


def _objectives(outcome: Outcome, study: Study) -> dict[str, float]:
    names = study.user_attrs.get("metric")
    names = [names] if isinstance(names, str) else names or ()
    return dict(zip(names, outcome.values or (), strict=False))
