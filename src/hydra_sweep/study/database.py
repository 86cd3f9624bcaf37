"""Databases as our storage: connections that forks, restarts and a thousand trials can live with."""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from itertools import islice
from typing import Any

from optuna.exceptions import StorageInternalError
from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._cached_storage import _CachedStorage
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.retry import patiently

# how long a transaction waits for those of others
SQLITE_WAIT_S = 60
# how long others may take to make the tables of a database, and how often it is looked whether they have
MAKING_S = 10.0
LOOK_EVERY_S = 0.2
# PostgreSQL's names for it, whose words may be of any language; the words of others
IS_THERE = re.compile(r"^Duplicate(Table|Object):|(table|relation|type) \S+ already exists", re.I)
# trials: the rows of 10,000, read at once, take half a gigabyte
PART = 500
NO_ID = 2**31 - 1


class Database(RDBStorage):
    """Optuna's, which has a study of many trials read part by part."""

    def _get_trials(
        self, study_id: int, states: Any, included_trial_ids: set[int], trial_id_greater_than: int
    ) -> list[FrozenTrial]:
        if trial_id_greater_than >= 0:  # not the first time
            return super()._get_trials(study_id, states, included_trial_ids, trial_id_greater_than)
        return self.read(study_id, [trial_id for trial_id, *_ in self.listed(study_id, -1)], states)

    def read(self, study_id: int, ids: Iterable[int], states: Any = None) -> list[FrozenTrial]:
        """The trials of these ids."""
        left, trials = iter(sorted(ids)), []
        while part := set(islice(left, PART)):
            trials += super()._get_trials(study_id, states, part, NO_ID)
        return trials

    def listed(self, study_id: int, newer_than: int) -> list[tuple[int, int, TrialState, datetime | None]]:
        """Id, number, state and start of the trials that have not ended, and of those with a greater id."""
        from optuna.storages._rdb.models import TrialModel  # SQLAlchemy, which takes its time

        is_open = TrialModel.state.in_((TrialState.RUNNING, TrialState.WAITING))
        with _create_scoped_session(self.scoped_session) as session:
            started = TrialModel.__table__.c.datetime_start  # UTC
            columns = session.query(TrialModel.trial_id, TrialModel.number, TrialModel.state, started)
            of_study = columns.filter(TrialModel.study_id == study_id)
            return [tuple(row) for row in of_study.filter(is_open | (TrialModel.trial_id > newer_than))]


def read_changed(storage: _CachedStorage, study_id: int, running: bool) -> None:
    """As the storage itself reads a study again, which is all that has not ended; but of that only trials
    whose state has changed or that were claimed since, and of those that run all (`running`) or those that
    had no parameters yet."""
    if not isinstance(storage._backend, Database):
        storage._read_trials_from_remote_storage(study_id)
        return
    storage.get_study_directions(study_id)  # it knows the study then
    study = storage._studies[study_id]
    with storage._lock:
        listed = storage._backend.listed(study_id, study.last_finished_trial_id)
        open_ids = {trial_id for trial_id, _, state, _ in listed if not state.is_finished()}
        wanted = {
            trial_id
            for trial_id, number, state, started in listed
            if (known := study.trials.get(number)) is None
            or (known.state, _utc(known.datetime_start)) != (state, started)
            or (state == TrialState.RUNNING and (running or not known.params))
        }
        read = storage._backend.read(study_id, wanted | (study.unfinished_trial_ids - open_ids))
        storage._add_trials_to_cache(study_id, read)
        ended = {trial._trial_id for trial in read if trial.state.is_finished()}
        study.unfinished_trial_ids = open_ids - ended
        study.last_finished_trial_id = max(study.last_finished_trial_id, *ended, -1)


def _utc(local: datetime | None) -> datetime | None:
    return local and local.astimezone(UTC).replace(tzinfo=None)


def open_database(url: str, patient: bool) -> Database:
    from sqlalchemy.exc import OperationalError
    from sqlalchemy.pool import NullPool

    # A connection for each transaction: none is inherited by a fork, none is held while a trial trains
    # (servers grant about a hundred), and a server that was started again is not noticed.
    wait = {"connect_args": {"timeout": SQLITE_WAIT_S}} if url.startswith("sqlite") else {}
    connect = partial(beside_others, partial(Database, url, engine_kwargs={"poolclass": NullPool, **wait}))
    return patiently(connect, error=(OperationalError, StorageInternalError)) if patient else connect()


def beside_others(opened: Callable[[], Any]) -> Any:
    """What opens an empty database, which others may do at the same time. Optuna looks which tables are
    missing and then makes them, as alembic does: whoever is second fails, on any database, in a way of
    its own, and finds them there when it looks again."""
    deadline = time.monotonic() + MAKING_S
    while True:
        try:
            return opened()
        except Exception as error:
            if not _is_there_already(error) or time.monotonic() > deadline:
                raise
        time.sleep(LOOK_EVERY_S)


def _is_there_already(error: BaseException | None) -> bool:
    """Whether a row or a table was to be made that is there, by what a driver raises or what wraps that."""
    from sqlalchemy.exc import DBAPIError, IntegrityError

    while error and not isinstance(error, DBAPIError):
        error = error.__cause__
    if not error:
        return False
    said = f"{type(error.orig).__name__}: {error.orig}"
    return isinstance(error, IntegrityError) or bool(IS_THERE.search(said))


@contextmanager
def one_connection(storage: BaseStorage) -> Iterator[None]:
    """Has what is done inside, where nothing may fork, share a connection: making one takes a server longer
    than most of what is asked of it. Other storages are as they are."""
    if not (isinstance(storage, _CachedStorage) and isinstance(storage._backend, Database)):
        yield
        return
    engine, session = storage._backend.engine, storage._backend.scoped_session
    with _errors_as_optunas(), engine.connect() as connection:
        session.remove()
        session.configure(bind=connection)
        try:
            yield
        finally:
            session.registry.clear()  # what it had begun ends with the connection
            session.configure(bind=engine)


@contextmanager
def _errors_as_optunas() -> Iterator[None]:
    """Optuna takes care only of those within its own transactions."""
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
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
