"""Sweeps over the toy task that tests start, watch and look into."""

import subprocess
import sys
import time
from pathlib import Path

import optuna

from hydra_sweep.study.storage import StudyAddress
from tests.conftest import ROOT, TOY

TWO_WORKERS = "hydra.sweeper.n_jobs=2"
SLOW = ["seconds=[3,3,3,3]", "hydra.sweeper.direction=maximize"]


def load(folder: Path, storage: str | None = None) -> optuna.Study:
    return StudyAddress("toy", folder / "multirun" / "toy", storage).load()


def on(storage: str | None) -> str:
    return f"hydra.sweeper.storage={storage or 'null'}"


def times(folder: Path) -> list[int]:
    """The numbers of the trials that ran, in order of their end, once for each run."""
    lines = (folder / "multirun" / "toy" / "times").read_text().splitlines()
    return [int(line.split()[0]) for line in lines]


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    """Begins a sweep by two workers."""
    command = [sys.executable, str(ROOT / "tests/toy/toy.py"), *TOY, TWO_WORKERS, *arguments]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_for_running(
    folder: Path, n: int, storage: str | None = None, name: str = "toy"
) -> list[optuna.trial.FrozenTrial]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        address = StudyAddress(name, folder / "multirun" / name, storage)
        if study := address.load_existing():
            named = [t for t in study.trials if t.params and t.user_attrs.get("worker")]
            running = [t for t in named if t.state.name == "RUNNING"]
            if len(running) >= n:
                return running
        time.sleep(0.1)
    raise TimeoutError(f"{n} trials never ran side by side")
