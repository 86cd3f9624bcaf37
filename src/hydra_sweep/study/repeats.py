"""A trial that is trained several times, each with another seed: `hydra.sweeper.repeats`.

Its value is the mean. What each repeat gave is its attribute, from when it has ended, and of one objective
also its intermediate value of that step, from 1: a pruner may compare two trials' repeats seed by seed.
"""

from collections.abc import Sequence

import numpy as np
import optuna
from optuna.trial import FrozenTrial

# the trial's attribute: the objectives' values of each repeat
REPEATS = "repeats"


def repeats_of(trial: FrozenTrial) -> list[list[float]]:
    """What its repeats gave until now; none where it is trained once."""
    return trial.user_attrs.get(REPEATS, [])


def spreads(values: Sequence[Sequence[float]]) -> list[float]:
    """The standard deviation of each objective, estimated from several trainings; NaN of one."""
    n = len(values)
    return np.std(values, axis=0, ddof=1).tolist() if n > 1 else [float("nan")] * len(values[0])


def add_repeat(study: optuna.Study, trial: FrozenTrial, values: Sequence[float]) -> FrozenTrial:
    """The trial as it is then, given as it was before, so that all of it may be done again. What an attempt
    that was killed has left half done is made whole."""
    storage, known = study._storage, [*repeats_of(trial), list(values)]
    storage.set_trial_user_attr(trial._trial_id, REPEATS, known)
    if len(study.directions) == 1:
        for step, (value,) in enumerate(known, start=1):
            if trial.intermediate_values.get(step) != value:
                storage.set_trial_intermediate_value(trial._trial_id, step, value)
    return storage.get_trial(trial._trial_id)


def seed_of(base: int, repeat: int) -> int:
    """Of a repeat, from 1: the first has the configuration's own."""
    return base if repeat == 1 else int(np.random.SeedSequence([base, repeat]).generate_state(1)[0])
