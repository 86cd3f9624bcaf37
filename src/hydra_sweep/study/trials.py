"""The trials of a sweep as a process knows them, at the cost of what has changed since it last looked."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

import optuna
from optuna.storages import BaseStorage, JournalStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.pruners import PAUSED
from hydra_sweep.study.database import read_changed
from hydra_sweep.study.foreign import ForeignStudy, bare
from hydra_sweep.study.promotion import Rungs, is_paused
from hydra_sweep.study.retry import patiently
from hydra_sweep.study.sweep_study import is_stopped


class Trials:
    """The trials of a sweep, the first `n_trials` of its study, as they were when last read.

    Reading again looks at those that were open and those that are new: what has ended stays as it is, and
    without `running` perhaps what runs, once it has its parameters.
    """

    def __init__(
        self,
        study: optuna.Study,
        n_trials: int,
        running: bool = True,
        rules: Mapping[str, float] | None = None,
        rungs: Rungs | None = None,
    ) -> None:
        """`rules` are those by which the study may be stopped, `hydra.sweeper.stop`; `rungs` are for trials
        that pause."""
        self.study = study
        self.rules = rules or {}
        self.n_trials = n_trials
        self.rungs = rungs
        self.running = running or rungs is not None  # what runs has come to rungs, too
        # by number, in its order
        self.open: dict[int, FrozenTrial] = {}
        # in the order in which they were seen to have ended
        self.ended: list[FrozenTrial] = []
        self.failed: list[FrozenTrial] = []
        self.n_ended: Counter[TrialState] = Counter()

    def __len__(self) -> int:
        """How many there are yet: the others are made when they are claimed."""
        return len(self.open) + len(self.ended)

    def __iter__(self) -> Iterator[FrozenTrial]:
        return iter(sorted([*self.ended, *self.open.values()], key=lambda trial: trial.number))

    def read(self) -> "Trials":
        n, trial_of = patiently(_by_number, self.study._storage, self.study._study_id, self.running)
        for number in [*self.open, *range(len(self), min(n, self.n_trials))]:
            trial = trial_of(number)
            if isinstance(self.study, ForeignStudy):
                trial = bare(trial)
            self.open[number] = trial
            if self.rungs:
                self.rungs.learn(trial)
            if trial.state.is_finished():
                self._end(trial)
        return self

    def is_stopped(self) -> bool:
        """Whether no other is to be begun."""
        return is_stopped(self.study, self.n_trials, self.rules)

    def in_state(self, state: TrialState) -> list[FrozenTrial]:
        """Of those that have not ended."""
        return [trial for trial in self.open.values() if trial.state == state]

    def paused(self) -> list[FrozenTrial]:
        return [trial for trial in self.open.values() if is_paused(trial)]

    def counts(self) -> Counter[TrialState | str]:
        """How many are in each state, those that are yet to be made among the WAITING; those that have
        paused are counted apart."""
        running, paused = len(self.in_state(TrialState.RUNNING)), len(self.paused())
        waiting = self.n_trials - len(self.ended) - running - paused
        open_ones = {TrialState.RUNNING: running, TrialState.WAITING: waiting, PAUSED: paused}
        return self.n_ended + Counter(open_ones)

    @property
    def n_results(self) -> int:
        """How many have told the sampler something."""
        return self.n_ended[TrialState.COMPLETE] + self.n_ended[TrialState.PRUNED] + len(self.paused())

    def _end(self, trial: FrozenTrial) -> None:
        del self.open[trial.number]
        self.ended.append(trial)
        self.n_ended[trial.state] += 1
        if trial.state == TrialState.FAIL:
            self.failed.append(trial)


def _by_number(
    storage: BaseStorage, study_id: int, running: bool
) -> tuple[int, Callable[[int], FrozenTrial]]:
    """How many trials the study has by now, and the one of each number.

    `get_all_trials` walks over all of them at each call, also where the storage has them in memory.
    """
    if isinstance(storage, JournalStorage):
        with storage._thread_lock:
            storage._sync_with_backend()
        replayed = storage._replay_result
        ids = replayed._study_id_to_trial_ids[study_id]
        return len(ids), lambda number: replayed._trials[ids[number]]
    if isinstance(storage, _CachedStorage):
        read_changed(storage, study_id, running)
        known = storage._studies[study_id].trials
        return len(known), known.__getitem__
    trials = storage.get_all_trials(study_id, deepcopy=False)
    return len(trials), trials.__getitem__
