"""Trials that have ended, as if they had not: no storage of Optuna's lets one change such a trial."""

import copy
import os
from collections.abc import Collection
from pathlib import Path

from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.errors import SweepError
from hydra_sweep.study.journal import Journal, SafeJournalStorage
from hydra_sweep.study.storage import StudyAddress


def reopen(address: StudyAddress, numbers: Collection[int]) -> None:
    """Has trials run again: with their number, parameters and attributes, without values, those reported
    while they trained included. No other process may have the study open.

    Raises SweepError where the storage is neither our journal nor a database.
    """
    storage = address.open_storage()
    if isinstance(storage, _CachedStorage) and isinstance(storage._backend, RDBStorage):
        _update(storage._backend, storage.get_study_id_from_name(address.name), numbers)
    elif isinstance(storage, SafeJournalStorage) and isinstance(storage._backend, Journal):
        _rewrite(storage, address, numbers)
    else:
        raise SweepError(f"{address.shown()}: expected a journal in the sweep's folder, or a database.")


def _update(backend: RDBStorage, study_id: int, numbers: Collection[int]) -> None:
    from optuna.storages._rdb import models  # SQLAlchemy, which takes its time

    with _create_scoped_session(backend.scoped_session) as session:
        of_study = session.query(models.TrialModel).filter(models.TrialModel.study_id == study_id)
        for row in of_study.filter(models.TrialModel.number.in_(numbers)):
            row.state, row.datetime_complete = TrialState.RUNNING, None
            for model in (models.TrialValueModel, models.TrialIntermediateValueModel):
                session.query(model).filter(model.trial_id == row.trial_id).delete()


def _rewrite(storage: SafeJournalStorage, address: StudyAddress, numbers: Collection[int]) -> None:
    """Writes the file anew, for its records only say what happened, and what ended stays so. The new one
    takes the place of the old at once, when it is whole."""
    old, new = address.journal, address.folder / "study.journal.new"
    new.unlink(missing_ok=True)
    copied = SafeJournalStorage(Journal(str(new)))
    with storage._backend.lock.held():
        for study in storage.get_all_studies():
            ours = numbers if study.study_name == address.name else ()
            _copy(storage, study._study_id, copied, ours)
        _sync(new)
        os.replace(new, old)


def _copy(storage: BaseStorage, study_id: int, to: SafeJournalStorage, reopened: Collection[int]) -> None:
    name, directions = storage.get_study_name_from_id(study_id), storage.get_study_directions(study_id)
    copied = to.create_new_study(directions, name)
    for key, value in storage.get_study_user_attrs(study_id).items():
        to.set_study_user_attr(copied, key, value)
    for key, value in storage.get_study_system_attrs(study_id).items():
        to.set_study_system_attr(copied, key, value)
    with to._backend.lock.held():
        for trial in storage.get_all_trials(study_id, deepcopy=False):
            to.create_new_trial(copied, _running(trial) if trial.number in reopened else trial)


def _running(trial: FrozenTrial) -> FrozenTrial:
    again = copy.copy(trial)
    again.state, again.values, again.datetime_complete = TrialState.RUNNING, None, None
    again.intermediate_values = {}
    return again


def _sync(file: Path) -> None:
    with open(file, "rb") as written:
        os.fsync(written.fileno())
