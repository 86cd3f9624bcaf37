"""Many trials that log to MLflow at once; with --many, 200 on 16 workers, to a server as well."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from hydra_sweep.mlflow.store import open_store
from tests.conftest import ROOT
from tests.hydra_sweep.mlflow.server import Server
from tests.toy.sweeps import load

STEPS, METRICS = 20, 2
OUTAGE_S = 20


def start(folder: Path, uri: str, n_trials: int, n_jobs: int, every_s: float) -> subprocess.Popen:
    logger = {"_target_": "hydra_sweep.mlflow.MLFlowLogger", "tracking_uri": uri, "experiment_name": "toy"}
    words = [f"+logger.mlflow.{key}='{value}'" for key, value in logger.items()]
    sizes = [f"hydra.sweeper.n_trials={n_trials}", f"hydra.sweeper.n_jobs={n_jobs}"]
    task = [str(ROOT / "tests/toy/logged.py"), "-m", f"steps={STEPS}", f"+every_s={every_s}"]
    with open(folder / "output", "w") as output:
        return subprocess.Popen(
            [sys.executable, *task, *words, *sizes], cwd=folder, stdout=output, stderr=output
        )


def check(folder: Path, uri: str, n_trials: int, began: float) -> None:
    """No error, and no missing run or point."""
    output = (folder / "output").read_text()
    assert "Look further" in output, output
    assert "View run" not in output
    study = load(folder)
    assert [trial.state.name for trial in study.trials] == n_trials * ["COMPLETE"]
    client, experiment = open_store(uri, "toy")
    runs = client.search_runs([experiment], max_results=1000)
    (parent,) = (run for run in runs if "mlflow.parentRunId" not in run.data.tags)
    children = [run for run in runs if run is not parent]
    assert sorted(int(run.data.tags["trial"]) for run in children) == list(range(n_trials))
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert parent.data.metrics["trials/complete"] == n_trials
    histories = [
        client.get_metric_history(run.info.run_id, key) for run in children for key in ("loss", "accuracy")
    ]
    assert {len(history) for history in histories} == {STEPS}
    assert {len(run.data.params) for run in children} == {2}
    print(f"{len(children)} runs, {sum(map(len, histories))} points, {time.time() - began:.0f} s")


def test_workers_that_log_to_one_file_at_once(tmp_path, request):
    n_trials, n_jobs, every_s = (200, 16, 0.05) if request.config.getoption("many") else (12, 4, 0.01)
    uri, began = f"sqlite:///{tmp_path}/mlflow.db", time.time()
    assert start(tmp_path, uri, n_trials, n_jobs, every_s).wait() == 0
    output = (tmp_path / "output").read_text()
    assert "Trials go on" not in output, output
    check(tmp_path, uri, n_trials, began)


@pytest.mark.parametrize("outage", [False, True])
def test_workers_that_log_to_a_server_on_postgresql(outage, tmp_path, postgres, request):
    if not request.config.getoption("many"):
        pytest.skip("with --many")
    server, began = Server(tmp_path, postgres.new_database()), time.time()
    server.start()
    sweep = start(tmp_path, server.uri, 200, 16, 0.2)
    try:
        while outage and sum(trial.state.is_finished() for trial in _trials(tmp_path)) < 60:
            time.sleep(1)
        if outage:
            server.kill()
            time.sleep(OUTAGE_S)
            assert sweep.poll() is None
            server.start()
        assert sweep.wait() == 0
        output = (tmp_path / "output").read_text()
        assert ("Trials go on" in output) == outage, output
        check(tmp_path, server.uri, 200, began)
    finally:
        sweep.kill()
        server.kill()


def _trials(folder: Path) -> list:
    return load(folder).trials if (folder / "multirun/toy/study.journal").exists() else []
