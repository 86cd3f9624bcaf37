import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import optuna
import pytest
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig

from tests.postgres import Server, binaries, running_server

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "data"

# PyTorch's threads are of no use to tests this small, and two sweeps at once would fight over them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Commands are printed as for who has activated the environment.
os.environ.pop("UV_RUN_RECURSION_DEPTH", None)
# A shell has what it runs in the background ignore Ctrl-C, and that is inherited.
signal.signal(signal.SIGINT, signal.default_int_handler)
optuna.logging.set_verbosity(optuna.logging.WARNING)

TOY = ["-m"]

Run = Callable[..., subprocess.CompletedProcess[str]]


def run_python(script: Path | str, *arguments: str, cwd: Path, check: bool = True, **env: str):
    """Runs a script of the project as a user would, and returns what it printed."""
    done = subprocess.run(
        [sys.executable, str(ROOT / script), *arguments],
        cwd=cwd,
        env={**os.environ, **env},
        capture_output=True,
        text=True,
        timeout=280,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--all-pairs", action="store_true", help="of tests/sweeps/test_search.py")
    parser.addoption("--many", action="store_true", help="trials of tests/sweeps/test_tracking.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest first, or the last of them would run alone: sweeps, those of trainings before others."""
    sweeps = ROOT / "tests/sweeps"
    first = [sweeps / name for name in ("test_training.py", "test_ddp.py", "test_terminal.py", "slurm")]
    items.sort(key=lambda item: (not _is_in(item, first), sweeps not in item.path.parents))


def _is_in(item: pytest.Item, places: list[Path]) -> bool:
    return any(place in (item.path, item.path.parent) for place in places)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    if not binaries():
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with running_server() as server:
        yield server


@pytest.fixture(params=["journal", "postgresql"])
def storage(request) -> str | None:
    """`hydra.sweeper.storage`: a journal, or the URL of an empty database."""
    return None if request.param == "journal" else request.getfixturevalue("database")


@pytest.fixture
def database(postgres: Server) -> str:
    """The URL of an empty one, for a sweep that is tested on that alone."""
    return postgres.new_database()


@pytest.fixture
def toy(tmp_path: Path) -> Run:
    """Sweeps over the toy task; the sweep's folder is `tmp_path/multirun/toy`."""

    def run(*arguments: str, **kwargs) -> subprocess.CompletedProcess[str]:
        return run_python("tests/toy/toy.py", *TOY, *arguments, cwd=tmp_path, **kwargs)

    return run


@pytest.fixture
def train(tmp_path: Path) -> Run:
    """Runs src/train.py with its logs in `tmp_path` and the data of the checkout."""

    def run(*arguments: str, script: str = "src/train.py", **kwargs):
        paths = [f"paths.log_dir={tmp_path}/logs", f"paths.data_dir={DATA}"]
        return run_python(script, *arguments, *paths, cwd=tmp_path, **kwargs)

    return run


@pytest.fixture
def compose_cfg(tmp_path: Path, hydra_restore_singletons) -> Iterator[Callable[..., DictConfig]]:
    """Composes a configuration of `configs`, as a run of its own folder would see it."""

    def compose_one(*overrides: str, name: str = "train.yaml") -> DictConfig:
        cfg = compose(name, list(overrides), return_hydra_config=True)
        cfg.hydra.runtime.output_dir = str(tmp_path)
        cfg.hydra.runtime.cwd = str(tmp_path)
        cfg.hydra.job.num, cfg.hydra.job.id = 0, "none"
        cfg.paths.data_dir = str(DATA)
        cfg.paths.log_dir = str(tmp_path / "logs")
        HydraConfig.instance().set_config(cfg)
        return cfg

    GlobalHydra.instance().clear()
    with initialize_config_dir(str(ROOT / "configs"), version_base="1.3"):
        yield compose_one
