"""The MLflow store, without Lightning: importing that takes four times as long."""

import logging
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.entities import LifecycleStage, Metric, Param, Run, RunTag
from mlflow.exceptions import MlflowException
from urllib3.exceptions import HTTPError

from hydra_sweep.errors import sentence
from hydra_sweep.mlflow.address import SQLITE, resolved
from hydra_sweep.mlflow.names import LONGEST_VALUE, artifact_of, legal, legal_tags, shortened
from hydra_sweep.study.secrets import masked

DATABASES = ("sqlite", "postgresql", "mysql", "mssql")

# Who waits for MLflow does not train: by default it would try again for four minutes, and wait two for each
# answer.
PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    "PGCONNECT_TIMEOUT": "10",
}
for _name, _value in PATIENCE.items():
    os.environ.setdefault(_name, _value)
# What they say, with tracebacks, is said by us in a line.
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)

# MLflow takes at most 100 parameters or tags at once, and 1000 entries in all
METRICS_AT_ONCE, ENTRIES_AT_ONCE = 800, 100


def open_store(
    tracking_uri: str | None, experiment_name: str, artifact_location: str | None = None
) -> tuple[MlflowClient, str]:
    """A client, and the id of the experiment, both of which are made where they are missing.

    An experiment that was deleted stays so: the next free of `name`, `name_2`, … takes its place.
    Raises what MLflow does where the store cannot be reached, within half a minute.
    """
    uri = resolved(tracking_uri)
    if uri.startswith(SQLITE):
        file = Path(uri.removeprefix(SQLITE))
        file.parent.mkdir(parents=True, exist_ok=True)
        artifact_location = artifact_location or (file.parent / "artifacts").as_uri()
        if not file.exists():
            _write_new(file)
    if uri.partition(":")[0].partition("+")[0] in DATABASES:
        _make_tables(uri)
    client = MlflowClient(uri)
    if engine := getattr(client._tracking_client.store, "engine", None):
        engine.dispose()  # MLflow keeps it, with connections to a file that may have been deleted meanwhile
    return client, _experiment(client, str(experiment_name), artifact_location)


def get_ready(tracking_uri: str | None) -> None:
    """Does beforehand, and without a trace, what takes `open_store` longest: the tables of a new file."""
    import mlflow.store.tracking.sqlalchemy_store  # noqa: F401

    uri = resolved(tracking_uri)
    if uri.startswith(SQLITE) and not os.path.exists(uri.removeprefix(SQLITE)):
        _empty_database()


def active_run(client: MlflowClient, run_id: str | None) -> Run | None:
    """The run, unless it was deleted or is in another store."""
    try:
        run = client.get_run(run_id) if run_id else None
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None
    return run if run and run.info.lifecycle_stage == LifecycleStage.ACTIVE else None


def runs_with(client: MlflowClient, experiment_id: str, tags: Mapping[str, str]) -> list[Run]:
    """The runs that have all the tags."""
    # MLflow's filters know no way to write a quote, so that they only sift.
    alike = {key: re.sub(r"[^\w .:/-]", "_", value) for key, value in tags.items()}
    wanted = " and ".join(f"tags.`{key}` LIKE '{value}'" for key, value in alike.items())
    found, token = [], None
    while token is None or token:
        page = client.search_runs([experiment_id], wanted, page_token=token)
        found += [run for run in page if tags.items() <= run.data.tags.items()]
        token = page.token or ""
    return found


def log_all(
    client: MlflowClient,
    run_id: str,
    metrics: Sequence[Metric] = (),
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    **kwargs: Any,
) -> None:
    """Logs any number of each, in as few calls as MLflow allows; what is too long goes to artifacts."""
    for kind, values in (("params", params), ("tags", tags)):
        log_wholes(client, run_id, kind, values)
    listed = [
        Param(legal(key), shortened("params", key, str(value))) for key, value in (params or {}).items()
    ]
    tagged = [RunTag(key, value) for key, value in legal_tags(tags).items()]
    while metrics or listed or tagged:
        is_last = len(metrics) <= METRICS_AT_ONCE and len(listed) <= ENTRIES_AT_ONCE
        tags_now = tagged[:ENTRIES_AT_ONCE] if is_last else []  # one of them says that all is there
        first = list(metrics[:METRICS_AT_ONCE]), listed[:ENTRIES_AT_ONCE]
        client.log_batch(run_id, *first, tags_now, **kwargs)
        metrics, listed = metrics[METRICS_AT_ONCE:], listed[ENTRIES_AT_ONCE:]
        tagged = tagged[len(tags_now) :]


def log_wholes(client: MlflowClient, run_id: str, kind: str, values: Mapping[str, Any] | None) -> None:
    """Logs as artifacts what is too long for a value of `tags` or `params`."""
    for key, value in (values or {}).items():
        if len(str(value)) > LONGEST_VALUE[kind]:
            client.log_text(run_id, str(value), artifact_of(kind, key))


def in_words(error: BaseException) -> str:
    """The one line that says it, of an error under those that wrap it."""
    # MLflow and requests wrap what the system says without naming it as the cause.
    while inner := error.__cause__ or (
        isinstance(error.__context__, OSError | HTTPError) and error.__context__
    ):
        error = inner
    return masked(sentence(f"{type(error).__name__}: {error}"))


@cache
def _empty_database() -> bytes:
    """A new sqlite file. Made in memory, which takes a third of the time that it takes on a disk."""
    import sqlalchemy
    from mlflow.store.db import utils
    from sqlalchemy.pool import StaticPool

    engine = sqlalchemy.create_engine("sqlite://", poolclass=StaticPool)
    utils._initialize_tables(engine)
    return engine.raw_connection().driver_connection.serialize()


def _write_new(file: Path) -> None:
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        partial.write_bytes(_empty_database())
        with suppress(FileExistsError):  # another was first
            os.link(partial, file)
    finally:
        partial.unlink(missing_ok=True)


def _make_tables(uri: str) -> None:
    """Connects once, and makes what a new database lacks, one process at a time. MLflow's store would try
    to connect for minutes, and two that are first at a database spoil it."""
    import sqlalchemy
    from mlflow.store.db import utils

    engine = utils.create_sqlalchemy_engine(uri)
    sqlalchemy.inspect(engine)
    utils._safe_initialize_tables(engine)
    engine.dispose()


def _experiment(client: MlflowClient, name: str, artifact_location: str | None) -> str:
    n, free = 1, name
    while True:
        found = client.get_experiment_by_name(free)
        if found and found.lifecycle_stage == LifecycleStage.ACTIVE:
            return found.experiment_id
        if found:
            n += 1
            free = f"{name}_{n}"
            continue
        try:
            return client.create_experiment(free, artifact_location)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":  # another process was first
                raise
