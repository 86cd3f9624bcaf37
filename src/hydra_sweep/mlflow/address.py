"""Where MLflow's store is, what opens it, and whether it shows all: without MLflow, which takes seconds to
import."""

import os
import shlex
import sqlite3
from contextlib import closing

from hydra.utils import to_absolute_path

from hydra_sweep.study.secrets import masked

# attribute of the study, and of the trial, that holds the id of its MLflow run
PARENT_RUN, TRIAL_RUN = "mlflow_parent_run_id", "mlflow_run_id"

SQLITE = "sqlite:///"
# where `mlflow ui` answers
UI = "http://127.0.0.1:5000"
# of MLflow's own schema
N_SHOWN = """
    SELECT COUNT(*) FROM runs JOIN tags AS parents USING (run_uuid) JOIN tags AS states USING (run_uuid)
    WHERE lifecycle_stage = 'active' AND parents.key = 'mlflow.parentRunId' AND parents.value = :parent
    AND states.key = 'state' AND states.value NOT IN ('RUNNING', 'WAITING')
"""
EXPERIMENT = """
    SELECT experiment_id FROM runs JOIN experiments USING (experiment_id)
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


def comparison(experiment_id: str | int, parent: str) -> str:
    """The page that compares the trials, set up by `comparison.share`, of MLflow's user interface."""
    chosen = f"viewStateShareKey={parent}&compareRunsMode=CHART&workflowType=machine_learning"
    return f"#/experiments/{experiment_id}/runs?{chosen}"


def look_further(tracking_uri: str | None, experiment_id: str | int, parent: str) -> list[str]:
    """The commands that open the comparison of the trials in a browser, without a password."""
    uri, page = masked(resolved(tracking_uri)), comparison(experiment_id, parent)
    if uri.startswith("http"):
        return [f"open {shlex.quote(f'{uri}/{page}')}"]
    return [f"mlflow ui --backend-store-uri {uri}", f"open {shlex.quote(f'{UI}/{page}')}"]


def experiment_that_shows(tracking_uri: str | None, parent: str | None, n_trials: int) -> int | None:
    """The id of the experiment, where a sqlite file has the sweep's run, finished, and below it so many of
    trials that have ended. None of other stores, and where it cannot be told."""
    if not parent or not str(tracking_uri).startswith(SQLITE):
        return None
    file = resolved(tracking_uri).removeprefix(SQLITE)
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            found = store.execute(EXPERIMENT, {"parent": parent}).fetchone()
            shown = store.execute(N_SHOWN, {"parent": parent}).fetchone()
            return found[0] if found and shown == (n_trials,) else None
    except sqlite3.Error:
        return None
