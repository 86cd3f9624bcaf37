"""Trials that are claimed from their birth, and no more of them than there are to be."""

import optuna
from optuna.storages import RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.journal import Journal, SafeJournalStorage
from hydra_sweep.study.trials import Trials


def begin(trials: Trials, attrs: dict[str, str]) -> FrozenTrial | None:
    """A new trial that runs, with these attributes; None where there are as many as there are to be.

    Of two processes that would make the last one, one does. But a storage of another kind than ours and
    databases may come to have one more, which waits for a larger budget.
    """
    storage, study_id = trials.study._storage, trials.study._study_id
    born = optuna.create_trial(state=TrialState.RUNNING, user_attrs=attrs)
    if isinstance(storage, SafeJournalStorage) and isinstance(storage._backend, Journal):
        with storage._backend.lock.held():
            if len(trials.read()) >= trials.n_trials:
                return None
            return storage.get_trial(storage.create_new_trial(study_id, born))
    if isinstance(storage, _CachedStorage) and isinstance(storage._backend, RDBStorage):
        return _insert(storage, study_id, born, trials.n_trials)
    trial = storage.get_trial(storage.create_new_trial(study_id, born))
    if trial.number < trials.n_trials:
        return trial
    for key in attrs:
        storage.set_trial_user_attr(trial._trial_id, key, None)
    storage.set_trial_state_values(trial._trial_id, TrialState.WAITING)
    return None


def _insert(storage: _CachedStorage, study_id: int, born: FrozenTrial, most: int) -> FrozenTrial | None:
    from optuna.storages._rdb.models import StudyModel, TrialModel  # SQLAlchemy, which takes its time

    # As the storage does it, but in the transaction that has counted, and never again by itself: where the
    # first commit was done and not heard of, there would be one more.
    with _create_scoped_session(storage._backend.scoped_session) as session:
        StudyModel.find_or_raise_by_id(study_id, session, for_update=True)
        if session.query(TrialModel).filter(TrialModel.study_id == study_id).count() >= most:
            return None
        row = storage._backend._get_prepared_new_trial(study_id, born, session)
        born.number, born._trial_id, born.datetime_start = row.number, row.trial_id, row.datetime_start
    with storage._lock:
        storage._add_trials_to_cache(study_id, [born])
    return born
