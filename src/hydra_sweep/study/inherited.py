"""The storage that a process has open, for a fork of it."""

import copy

from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage


def inherited(storage: BaseStorage) -> BaseStorage | None:
    """To be called in the fork: the storage with all that the parent has read of it, and nothing that only
    one process may use; None where it is of a kind that has to be opened anew."""
    if isinstance(storage, JournalStorage):
        return _journal(storage)
    if isinstance(storage, _CachedStorage) and isinstance(storage._backend, RDBStorage):
        return _database(storage)
    return None


def _journal(storage: JournalStorage) -> JournalStorage:
    # Made as by pickle: with a lock and a name of its own, by which it knows its records from others'.
    own, replayed = copy.copy(storage), storage._replay_result
    own._backend = copy.copy(storage._backend)
    replayed._worker_id_prefix = own._worker_id_prefix
    replayed._worker_id_to_owned_trial_id = {}
    own._replay_result = replayed
    return own


def _database(storage: _CachedStorage) -> _CachedStorage:
    own = copy.copy(storage)  # with a lock of its own
    engine = storage._backend.engine
    # The parent's connections: closing them, as they do when nobody knows them, would say so to the server.
    own._inherited = engine.pool
    engine.dispose(close=False)
    return own
