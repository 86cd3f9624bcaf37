"""Where MLflow's store is, what opens it, and whether it shows all: without MLflow, which takes seconds to
import."""

import os
import shlex
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
# where `mlflow ui` answers
UI = "http://127.0.0.1:5000"
# of MLflow's own schema
CHILDREN = """
    SELECT run_uuid, key, value FROM tags WHERE key IN ('trial', 'state', 'retries') AND run_uuid IN (
        SELECT run_uuid FROM runs JOIN tags USING (run_uuid)
        WHERE lifecycle_stage = 'active' AND key = 'mlflow.parentRunId' AND value = :parent
    )
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


def experiment_that_shows(
    tracking_uri: str | None, parent: str | None, trials: Sequence[FrozenTrial]
) -> int | None:
    """The id of the experiment, where a sqlite file has the sweep's run, finished, and below it one for
    each trial that has ended, as it ended. None of other stores, and where it cannot be told."""
    if not parent or not str(tracking_uri).startswith(SQLITE):
        return None
    file = resolved(tracking_uri).removeprefix(SQLITE)
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as store:
            found = store.execute(EXPERIMENT, {"parent": parent}).fetchone()
            tags = store.execute(CHILDREN, {"parent": parent}).fetchall() if found else ()
    except sqlite3.Error:
        return None
    shown: dict[str, dict[str, str]] = defaultdict(dict)
    for run, key, value in tags:
        shown[run][key] = value
    states = {(one.get("trial"), one.get("state"), one.get(RETRIES, "0")) for one in shown.values()}
    ended = (trial for trial in trials if trial.state.is_finished())
    is_all = all((str(t.number), t.state.name, retries(t)) in states for t in ended)
    return found[0] if found and is_all else None


def retries(trial: Trial | FrozenTrial) -> str:
    """How often a person had it trained anew, as the tag of its run."""
    return str(trial.user_attrs.get(RETRIES, 0))
