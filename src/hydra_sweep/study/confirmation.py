"""The best of a sweep, run again with fresh seeds: `hydra.sweeper.confirm`.

The value of the best of many is as a rule better than what it gives again: it was chosen for its luck, too
(the optimizer's curse; Smith and Winkler, Management Science 52(3), 2006). These runs are trials of a study
of their own, in the folder `confirm` of the sweep's: the search knows nothing of them.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.best import best_first, broken
from hydra_sweep.study.repeats import spreads
from hydra_sweep.study.storage import StudyAddress

FOLDER = "confirm"
# of the sequence of seeds, so that none is that of a repeat
OWN = 0xC0F1


@dataclass(frozen=True)
class Confirmed:
    """One of the best: `trial` as the search knows it, and what its runs with fresh seeds gave."""

    trial: FrozenTrial
    runs: list[FrozenTrial]

    @property
    def good(self) -> list[FrozenTrial]:
        """The runs that came to their end and break no constraint."""
        return [run for run in self.runs if run.state == TrialState.COMPLETE and not broken(run)]

    @property
    def means(self) -> list[float]:
        """Of each objective."""
        return np.mean([run.values for run in self.good], axis=0).tolist()

    @property
    def spreads(self) -> list[float]:
        """The standard deviation of each objective, estimated from the runs; NaN of one run."""
        return spreads([run.values for run in self.good])

    def as_trial(self) -> FrozenTrial:
        """The trial with the means for its values."""
        known = copy.copy(self.trial)
        known.values = self.means
        return known


def address_of(search: StudyAddress) -> StudyAddress:
    """Where the runs are of the best of a search."""
    return replace(search, name=f"{search.name}_confirm", folder=search.folder / FOLDER)


def fresh_seeds(n: int) -> list[int]:
    """The first n of a sequence that is always the same: the best are compared with equal seeds, and what
    was run with some of them is known when there are to be more."""
    return [int(np.random.SeedSequence([OWN, i]).generate_state(1)[0]) for i in range(n)]


def candidates(best: Iterable[FrozenTrial], top: int) -> list[FrozenTrial]:
    """The first so many of these that are not alike."""
    found: list[FrozenTrial] = []
    for trial in best:
        if len(found) == top:
            break
        if trial.params not in (one.params for one in found):
            found.append(trial)
    return found


def points_of(trial: FrozenTrial, key: str, n: int) -> list[dict[str, Any]]:
    """The parameters of each of its n runs, the seed's among them."""
    return [{**trial.params, key: seed} for seed in fresh_seeds(n)]


def ranked(found: Iterable[Confirmed], directions: Sequence[StudyDirection]) -> list[Confirmed]:
    """The best first, by their means; of several objectives first the front. Those of which more runs came
    to nothing are behind the others."""
    rest = sorted((one for one in found if one.good), key=lambda one: len(one.runs) - len(one.good))
    first = [one for one in rest if len(one.runs) - len(one.good) == len(rest[0].runs) - len(rest[0].good)]
    by_number = {one.trial.number: one for one in first}
    order = [by_number[known.number] for known in best_first([o.as_trial() for o in first], directions)]
    return order + [one for one in rest if one not in order]
