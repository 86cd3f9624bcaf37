"""A trial of several runs of the task, at growing fidelities; the pruner decides between."""

import copy
from collections.abc import Callable
from pathlib import Path

import optuna
from optuna.pruners import BasePruner, SuccessiveHalvingPruner
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.pruners import make_pruner
from hydra_sweep.settings import Settings
from hydra_sweep.space.fidelity import Fidelity
from hydra_sweep.study.live_trial import LiveTrial
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.trial_folder import FIDELITY

# a run with more overrides, in the folder of that name in the trial's, which is "" for its own
Run = Callable[[list[str], str], Outcome]


def run_each(fidelity: Fidelity, trial: LiveTrial, folder: Path, run: Run) -> Outcome:
    """Runs those that the study has no value of, in turn, until the pruner or a run ends the trial.

    Each value is reported under its step, 1, 2, …; that of the last is the trial's. The last runs in the
    trial's own folder, where whoever looks for the trial finds what it is judged by.
    """
    n, known = len(fidelity.values), trial.storage.get_trial(trial._trial_id).intermediate_values
    for step in range(1, n + 1):
        if step not in known:
            before = folder / name_of(step - 1) if step > 1 else None
            outcome = run(fidelity.overrides(step, before), name_of(step) if step < n else "")
            if outcome.state != TrialState.COMPLETE:
                return outcome
            trial.report(outcome.values[0], step)
        elif step == n:
            return Outcome(TrialState.COMPLETE, [known[step]])
        # the one that was reported last may not have been judged
        if step < n and step >= len(known) and trial.should_prune():
            pruner = type(getattr(trial.study.pruner, "pruner", trial.study.pruner)).__name__
            return Outcome(
                TrialState.PRUNED, reason=f"{pruner} at {fidelity.said(step)}, fidelity {step} of {n}"
            )
    return outcome


def name_of(step: int) -> str:
    return f"{FIDELITY}{step}"


def pruner_between(settings: Settings) -> BasePruner:
    """The pruner, of which successive halving has a rung at each fidelity."""
    node = settings.pruner
    pruner = make_pruner(node)
    if not isinstance(pruner, SuccessiveHalvingPruner):
        return pruner
    return RungEach(make_pruner({**node, "min_resource": 1}))


class RungEach(BasePruner):
    """Successive halving of min_resource 1, told of steps 1, 2, 3, … as the resources of its rungs."""

    def __init__(self, pruner: SuccessiveHalvingPruner) -> None:
        self.pruner = pruner

    def prune(self, study: optuna.Study, trial: FrozenTrial) -> bool:
        told = copy.copy(study)
        told.get_trials = lambda **_: [self._told(one) for one in study.get_trials(deepcopy=False)]
        return self.pruner.prune(told, self._told(trial))

    def _told(self, trial: FrozenTrial) -> FrozenTrial:
        told = copy.copy(trial)
        steps = trial.intermediate_values.items()
        told.intermediate_values = {self.pruner._reduction_factor ** (i - 1): one for i, one in steps}
        return told
