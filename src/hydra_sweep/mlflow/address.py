"""Where MLflow's store is, and whether it shows all: without MLflow, which takes seconds to import."""

import os
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from contextlib import closing

from hydra.utils import to_absolute_path
from optuna import Trial
from optuna.trial import FrozenTrial

from hydra_sweep.study.queue import RETRIES
from hydra_sweep.study.secrets import masked

# attribute of the study, and of the trial, that holds the id of its MLflow run
PARENT_RUN, TRIAL_RUN = "mlflow_parent_run_id", "mlflow_run_id"

SQLITE = "sqlite:///"
# of MLflow's own schema
CHILDREN = """
    SELECT run_uuid, key, value FROM tags WHERE key IN ('trial', 'state', 'retries') AND run_uuid IN (
        SELECT run_uuid FROM runs JOIN tags USING (run_uuid)
        WHERE lifecycle_stage = 'active' AND key = 'mlflow.parentRunId' AND value = :parent
    )
"""
PARENT_IS_THERE = """
    SELECT COUNT(*) FROM runs JOIN experiments USING (experiment_id)
    WHERE run_uuid = :parent AND status = 'FINISHED'
    AND runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'
"""


def resolved(tracking_uri: str | None) -> str:
    """The address, MLflow's own default for None; a sqlite file is the same for a trial in its folder."""
    if tracking_uri is None:
        import mlflow

        tracking_uri = mlflow.get_tracking_uri()
    uri = str(tracking_uri)
    if not uri.startswith(SQLITE):
        return uri
    return SQLITE + os.path.normpath(to_absolute_path(uri.removeprefix(SQLITE)))


def ui_command(tracking_uri: str | None) -> str:
    """The command that opens the store in a browser, without a password."""
    uri = masked(resolved(tracking_uri))
    return f"open {uri}" if uri.startswith("http") else f"mlflow ui --backend-store-uri {uri}"


def shows_all(tracking_uri: str | None, parent: str | None, trials: Sequence[FrozenTrial]) -> bool:
    """Whether a sqlite file has the sweep's run, finished, and below it one for each trial that has ended,
    as it ended. False of other stores, and where it cannot be told."""
    if not parent or not str(tracking_uri).startswith(SQLITE):
        return False
    file = resolved(tracking_uri).removeprefix(SQLITE)
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            is_there = store.execute(PARENT_IS_THERE, {"parent": parent}).fetchone() == (1,)
            tags = store.execute(CHILDREN, {"parent": parent}).fetchall() if is_there else ()
    except sqlite3.Error:
        return False
    shown: dict[str, dict[str, str]] = defaultdict(dict)
    for run, key, value in tags:
        shown[run][key] = value
    states = {(one.get("trial"), one.get("state"), one.get(RETRIES, "0")) for one in shown.values()}
    ended = (trial for trial in trials if trial.state.is_finished())
    return is_there and all((str(t.number), t.state.name, retries(t)) in states for t in ended)


def retries(trial: Trial | FrozenTrial) -> str:
    """How often a person had it trained anew, as the tag of its run."""
    return str(trial.user_attrs.get(RETRIES, 0))
