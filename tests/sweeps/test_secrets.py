"""The password of the storage, planted, is found nowhere."""

import signal
import time
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from hydra_sweep.study.secrets import VARIABLE
from hydra_sweep.study.storage import StudyAddress
from tests.conftest import ROOT
from tests.postgres import PASSWORD
from tests.toy.sweeps import start

ENCODED = quote(PASSWORD, safe="")


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")


def leaks(folder: Path, *printed: str) -> list[str]:
    """The files in which the password is, in any encoding."""
    contents = {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    contents |= {f"output {i}": text.encode() for i, text in enumerate(printed)}
    assert len(contents) > 1
    words = {PASSWORD.encode(), ENCODED.encode(), ENCODED.lower().encode()}
    return [
        name
        for name, content in contents.items()
        if any(word in content or word in unquote(content.decode("latin-1")).encode() for word in words)
    ]


def by_argument(folder: Path, url: str) -> dict:
    return {"arguments": [f"hydra.sweeper.storage={url}"]}


def by_yaml(folder: Path, url: str) -> dict:
    """In a search of the user's, through a key of the task's."""
    search = folder.parent / f"{folder.name}-configs" / "search"
    search.mkdir(parents=True)
    content = f"# @package _global_\ndatabase: {url}\nhydra: {{sweeper: {{storage: '${{database}}'}}}}\n"
    (search / "planted.yaml").write_text(content)
    path = f"hydra.searchpath=[file://{ROOT}/configs,file://{search.parent}]"
    return {"arguments": [path, "+search=planted"]}


def by_environment(folder: Path, url: str) -> dict:
    arguments = ["hydra.sweeper.storage=${oc.env:DATABASE}", "hydra.job.env_copy=[DATABASE]"]
    return {"arguments": arguments, "env": {"DATABASE": url}}


def by_node(folder: Path, url: str) -> dict:
    node = f"{{_target_: optuna.storages.RDBStorage, url: '{url}'}}"
    return {"arguments": [f"hydra.sweeper.storage={node}", f"+own_password='{PASSWORD}'"]}


@pytest.mark.parametrize("way", [by_argument, by_yaml, by_environment, by_node])
def test_a_sweep_leaves_no_password(postgres, toy, tmp_path, way):
    url = postgres.new_database()
    given = way(tmp_path, url)
    broken = ["what={1: raise}", "hydra.sweeper.max_failure_rate=0.5"]
    done = toy(*given["arguments"], *broken, **given.get("env", {}))
    states = [t.state.name for t in StudyAddress("toy", tmp_path, url).load().trials]
    assert states == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert (tmp_path / "multirun/toy/0/.hydra/hydra.yaml").is_file()
    assert list((tmp_path / "multirun/toy/workers").glob("*_result.pkl"))
    assert leaks(tmp_path, done.stdout, done.stderr) == []


def test_a_sweep_of_trainings_leaves_no_password_in_mlflow_either(postgres, train, tmp_path):
    url = postgres.new_database()
    short = ["trainer.max_epochs=1", "+trainer.limit_train_batches=20", "+trainer.limit_val_batches=5"]
    search = ["-m", "hparams_search=mnist_optuna", "hydra.sweeper.n_trials=1"]
    done = train(*search, *short, f"hydra.sweeper.storage={url}")
    trials = StudyAddress("mnist_optuna", tmp_path, url).load().trials
    assert [trial.state.name for trial in trials] == ["COMPLETE"]
    assert (tmp_path / "logs/mlflow/mlflow.db").is_file()
    assert leaks(tmp_path, done.stdout, done.stderr) == []


@pytest.mark.parametrize("way", [by_argument, by_node])
def test_an_interrupted_sweep_prints_no_password(postgres, tmp_path, way):
    url = postgres.new_database()
    supervisor = start(tmp_path, "seconds=[60,60,60,60]", *way(tmp_path, url)["arguments"])
    address = StudyAddress("toy", tmp_path, url)
    while not any(t.state.name == "RUNNING" for t in getattr(address.load_existing(), "trials", [])):
        assert supervisor.poll() is None, supervisor.stdout.read()
        time.sleep(0.2)
    supervisor.send_signal(signal.SIGINT)
    out, _ = supervisor.communicate(timeout=60)
    assert "Go on with:" in out
    assert "tester:***@127.0.0.1" in out.split("Go on with:")[1]
    assert leaks(tmp_path, out) == []


@pytest.mark.parametrize("way", [by_argument, by_node])
def test_an_error_prints_no_password(postgres, toy, tmp_path, way):
    url = postgres.new_database().replace("127.0.0.1", "nowhere.invalid")
    done = toy(*way(tmp_path, url)["arguments"], check=False)
    assert done.returncode == 1
    assert "nowhere.invalid" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "multirun").exists()
    (tmp_path / "nothing").touch()
    assert leaks(tmp_path, done.stdout, done.stderr) == []
