"""Databases as our storage: connections that forks, restarts and a thousand trials can live with."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from itertools import islice
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial

from hydra_sweep.study.retry import patiently

# how long a transaction waits for those of others
SQLITE_WAIT_S = 60
# trials: the rows of 10,000, read at once, take half a gigabyte
PART = 500
NO_ID = 2**31 - 1


class Database(RDBStorage):
    """Optuna's, which has a study of many trials read part by part."""

    def _get_trials(
        self, study_id: int, states: Any, included_trial_ids: set[int], trial_id_greater_than: int
    ) -> list[FrozenTrial]:
        read = partial(super()._get_trials, study_id, states)
        if trial_id_greater_than >= 0:  # not the first time
            return read(included_trial_ids, trial_id_greater_than)
        ids, trials = iter(self._trial_ids(study_id)), []
        while part := set(islice(ids, PART)):
            trials += read(part, NO_ID)
        return trials

    def _trial_ids(self, study_id: int) -> list[int]:
        from optuna.storages._rdb.models import TrialModel  # SQLAlchemy, which takes its time

        with _create_scoped_session(self.scoped_session) as session:
            ids = session.query(TrialModel.trial_id).filter(TrialModel.study_id == study_id)
            return [trial_id for (trial_id,) in ids.order_by(TrialModel.trial_id)]


def open_database(url: str) -> Database:
    from sqlalchemy.pool import NullPool

    # A connection for each transaction: none is inherited by a fork, none is held while a trial trains
    # (servers grant about a hundred), and a server that was started again is not noticed.
    wait = {"connect_args": {"timeout": SQLITE_WAIT_S}} if url.startswith("sqlite") else {}
    return Database(url, engine_kwargs={"poolclass": NullPool, **wait})


@contextmanager
def one_connection(storage: BaseStorage) -> Iterator[None]:
    """Has what is done inside, where nothing may fork, share a connection: making one takes a server longer
    than most of what is asked of it. Other storages are as they are."""
    if not (isinstance(storage, _CachedStorage) and isinstance(storage._backend, Database)):
        yield
        return
    engine, session = storage._backend.engine, storage._backend.scoped_session
    with _connected(engine) as connection:
        session.remove()
        session.configure(bind=connection)
        try:
            yield
        finally:
            session.remove()
            session.configure(bind=engine)


def _connected(engine: Any) -> Any:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return engine.connect()
    except SQLAlchemyError as error:
        raise StorageInternalError from error


def make_reliable(storage: RDBStorage) -> None:
    is_sqlite = storage.engine.dialect.name == "sqlite"
    (_lock_whole_transactions if is_sqlite else _wait_for_server)(storage)


def _wait_for_server(storage: RDBStorage) -> None:
    """Has later connections wait for a server that is down, as while it is restarted."""
    from sqlalchemy import event

    @event.listens_for(storage.engine, "do_connect")
    def connect(dialect: Any, _: Any, arguments: Any, options: Any) -> Any:
        call = partial(dialect.connect, *arguments, **options)
        return patiently(call, error=dialect.loaded_dbapi.OperationalError)


def _lock_whole_transactions(storage: RDBStorage) -> None:
    """Makes a claim atomic on sqlite, which has no SELECT … FOR UPDATE: two would read WAITING."""
    from sqlalchemy import event

    @event.listens_for(storage.engine, "connect")
    def leave_transactions_to_us(connection: Any, _: Any) -> None:
        connection.isolation_level = None

    @event.listens_for(storage.engine, "begin")
    def begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    storage.engine.dispose()  # connections that were made before
