"""Trials that have ended, as if they had not: no storage of Optuna's lets one change such a trial."""

import copy
import os
from collections.abc import Collection
from pathlib import Path

from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.study._constrained_optimization import _CONSTRAINTS_KEY
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.errors import SweepError
from hydra_sweep.study.journal import Journal, SafeJournalStorage
from hydra_sweep.study.storage import StudyAddress

# what pruners and constraints keep of a training among a trial's system attributes; samplers keep the rest
OF_TRAINING = ("completed_rung_", _CONSTRAINTS_KEY)


def reopen(address: StudyAddress, numbers: Collection[int], keep: Collection[str] | None = None) -> None:
    """Has trials run again: with their number and parameters, without values, those reported while they
    trained included. Of their user attributes stay those to `keep`, and then nothing stays that pruners
    and constraints knew of the training; None: all. No other process may have the study open.

    Raises SweepError where the storage is neither our journal nor a database.
    """
    storage = address.open_storage()
    if isinstance(storage, _CachedStorage) and isinstance(storage._backend, RDBStorage):
        _update(storage._backend, storage.get_study_id_from_name(address.name), numbers, keep)
    elif isinstance(storage, SafeJournalStorage) and isinstance(storage._backend, Journal):
        _rewrite(storage, address, numbers, keep)
    else:
        raise SweepError(f"{address.shown()}: expected a journal in the sweep's folder, or a database.")


def _update(
    backend: RDBStorage, study_id: int, numbers: Collection[int], keep: Collection[str] | None
) -> None:
    from optuna.storages._rdb import models  # SQLAlchemy, which takes its time
    from sqlalchemy import or_

    with _create_scoped_session(backend.scoped_session) as session:
        of_study = session.query(models.TrialModel).filter(models.TrialModel.study_id == study_id)
        for row in of_study.filter(models.TrialModel.number.in_(numbers)):
            row.state, row.datetime_complete = TrialState.RUNNING, None
            for model in (models.TrialValueModel, models.TrialIntermediateValueModel):
                session.query(model).filter(model.trial_id == row.trial_id).delete()
            if keep is not None:
                user, system = models.TrialUserAttributeModel, models.TrialSystemAttributeModel
                session.query(user).filter(user.trial_id == row.trial_id, user.key.not_in(keep)).delete()
                of_training = or_(*(system.key.startswith(key, autoescape=True) for key in OF_TRAINING))
                session.query(system).filter(system.trial_id == row.trial_id, of_training).delete()


def _rewrite(
    storage: SafeJournalStorage,
    address: StudyAddress,
    numbers: Collection[int],
    keep: Collection[str] | None,
) -> None:
    """Writes the file anew, for its records only say what happened, and what ended stays so. The new one
    takes the place of the old at once, when it is whole."""
    old, new = address.journal, address.folder / "study.journal.new"
    new.unlink(missing_ok=True)
    copied = SafeJournalStorage(Journal(str(new)))
    with storage._backend.lock.held():
        for study in storage.get_all_studies():
            ours = numbers if study.study_name == address.name else ()
            _copy(storage, study._study_id, copied, ours, keep)
        _sync(new)
        os.replace(new, old)


def _copy(
    storage: BaseStorage,
    study_id: int,
    to: SafeJournalStorage,
    reopened: Collection[int],
    keep: Collection[str] | None,
) -> None:
    name, directions = storage.get_study_name_from_id(study_id), storage.get_study_directions(study_id)
    copied = to.create_new_study(directions, name)
    for key, value in storage.get_study_user_attrs(study_id).items():
        to.set_study_user_attr(copied, key, value)
    for key, value in storage.get_study_system_attrs(study_id).items():
        to.set_study_system_attr(copied, key, value)
    with to._backend.lock.held():
        for trial in storage.get_all_trials(study_id, deepcopy=False):
            to.create_new_trial(copied, _running(trial, keep) if trial.number in reopened else trial)


def _running(trial: FrozenTrial, keep: Collection[str] | None) -> FrozenTrial:
    again = copy.copy(trial)
    again.state, again.values, again.datetime_complete = TrialState.RUNNING, None, None
    again.intermediate_values = {}
    if keep is not None:
        again.user_attrs = {key: value for key, value in trial.user_attrs.items() if key in keep}
        system = trial.system_attrs.items()
        again.system_attrs = {key: value for key, value in system if not key.startswith(OF_TRAINING)}
    return again


def _sync(file: Path) -> None:
    with open(file, "rb") as written:
        os.fsync(written.fileno())
