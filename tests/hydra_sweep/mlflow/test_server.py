"""A tracking server that is killed, and one that comes back."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator

import pytest

from hydra_sweep.mlflow import tracker
from hydra_sweep.mlflow.store import open_store


class Server:
    """MLflow's own, on a port of its own."""

    def __init__(self, folder) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        open_store(f"sqlite:///{folder}/server.db", "Default")
        self.uri = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        store = ["--backend-store-uri", f"sqlite:///{self.folder}/server.db"]
        where = ["--host", "127.0.0.1", "--port", str(self.port), "--workers", "1"]
        artifacts = ["--artifacts-destination", str(self.folder / "artifacts")]
        with open(self.folder / "log", "a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "mlflow", "server", *store, *where, *artifacts],
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.folder,
                env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
            )
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.uri}/health", timeout=5)
                return
            except OSError:
                time.sleep(0.2)
        raise TimeoutError((self.folder / "log").read_text())

    def kill(self) -> None:
        """It, and the processes that it has started."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@pytest.fixture
def server(tmp_path) -> Iterator[Server]:
    server = Server(tmp_path)
    server.start()
    yield server
    server.kill()


def test_a_server_that_is_killed_costs_a_sweep_nothing(sweep, server, monkeypatch, capsys):
    monkeypatch.setattr(tracker, "PAUSE_S", 0.0)
    monkeypatch.setattr(tracker, "PAUSE_FACTOR", 0)
    sweep.uri = server.uri
    sweep.prepare()
    sweep.train([0.1, 0.3])
    sweep.train([0.2, 0.4], between=server.kill)
    sweep.train([0.5])
    assert sweep.finish() == []
    assert "the same command writes what MLflow misses" in capsys.readouterr().out
    sweep.prepare()
    assert "The sweep goes on" in capsys.readouterr().out

    server.start()
    sweep.train([0.1, 0.6])
    assert sweep.finish()[0].startswith(f"open '{server.uri}/#/")
    sweep.assert_in_line()

    sweep.client.delete_experiment(sweep.runs()[0].info.experiment_id)
    sweep.prepare()
    assert "experiment train was deleted: the runs are in train_2" in capsys.readouterr().out
    sweep.finish()
    sweep.assert_in_line()
