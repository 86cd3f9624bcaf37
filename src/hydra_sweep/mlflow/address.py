"""Where MLflow's store is, and whether it shows all: without MLflow, which takes seconds to import."""

import os
import sqlite3
from contextlib import closing

from hydra.utils import to_absolute_path

from hydra_sweep.study.secrets import masked

# attribute of the study, and of the trial, that holds the id of its MLflow run
PARENT_RUN, TRIAL_RUN = "mlflow_parent_run_id", "mlflow_run_id"

SQLITE = "sqlite:///"
# of MLflow's own schema
N_SHOWN = """
    SELECT COUNT(*) FROM runs JOIN tags AS parents USING (run_uuid) JOIN tags AS states USING (run_uuid)
    WHERE lifecycle_stage = 'active' AND parents.key = 'mlflow.parentRunId' AND parents.value = :parent
    AND states.key = 'state' AND states.value NOT IN ('RUNNING', 'WAITING')
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


def shows_all(tracking_uri: str | None, parent: str | None, n_trials: int) -> bool:
    """Whether a sqlite file has the sweep's run, finished, and below it so many of trials that have ended.
    False of other stores, and where it cannot be told."""
    if not parent or not str(tracking_uri).startswith(SQLITE):
        return False
    file = resolved(tracking_uri).removeprefix(SQLITE)
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            found = [store.execute(query, {"parent": parent}) for query in (PARENT_IS_THERE, N_SHOWN)]
            return [rows.fetchone() for rows in found] == [(1,), (n_trials,)]
    except sqlite3.Error:
        return False
