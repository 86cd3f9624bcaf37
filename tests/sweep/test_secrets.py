"""The password of the storage, planted, is found nowhere."""

import os
import signal
import sys
import time
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.types import HydraContext
from omegaconf import OmegaConf

from src.sweep.errors import SweepError
from src.sweep.secrets import VARIABLE, Hider, hide_password, masked, revealed
from src.sweep.storage import StudyAddress
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


def hide(storage: object, config: dict | None = None, arguments: list[str] | None = None) -> tuple:
    context = HydraContext(ConfigLoaderImpl(ConfigSearchPathImpl()), None)
    cfg = OmegaConf.create(config or {})
    return hide_password({"storage": storage}, arguments or [], cfg, context)


@pytest.mark.parametrize("password", ["postgres", "p:1", "a%b", "ü/ö", PASSWORD])
def test_only_the_password_is_masked_and_it_comes_back(monkeypatch, password):
    monkeypatch.setattr(sys, "argv", ["train.py", "-m"])
    url = f"postgresql://postgres:{quote(password, safe='')}@db/postgres"
    config = {"url": url, "again": "${url}", "scheme": "postgresql", "list": [1, None, url], "gap": "???"}
    settings, arguments, cfg, _ = hide({"_target_": "x", "url": url}, config, [f"a={url}", "b=1"])
    hidden = "postgresql://postgres:***@db/postgres"
    assert settings == {"storage": {"_target_": "x", "url": hidden}}
    assert arguments == [f"a={hidden}", "b=1"]
    assert [cfg.url, cfg.again, cfg.scheme, cfg.list] == [hidden, hidden, "postgresql", [1, None, hidden]]
    assert os.environ[VARIABLE] == password
    assert revealed(settings["storage"]) == {"_target_": "x", "url": url}


def test_alone_only_a_telling_password_is_masked():
    hider = Hider("telling-one")
    assert hider.hidden("a=telling-one,b='telling-one'") == "a=***,b=***"
    assert hider.hidden(["telling-one", {"x": "a telling-one!", "n": 1}]) == [
        "***",
        {"x": "a telling-one!", "n": 1},
    ]
    assert Hider("toy").hidden({"study_name": "toy", "url": "x://toy:toy@toy"}) == {
        "study_name": "toy",
        "url": "x://toy:***@toy",
    }


@pytest.mark.parametrize(
    "storage", [None, "sqlite:///a@b:c.db", "postgresql://u@h/db", "postgresql://u:***@h/db", {"a": 1}]
)
def test_without_a_password_nothing_changes(storage):
    settings, *_ = hide(storage, {"a": "b"})
    assert settings == {"storage": storage}
    assert not os.environ[VARIABLE]


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("postgresql://u:planted@word@h/db", "write the @ of the user or the password as %40"),
        ("postgresql://u@h/db?password=planted", "in the query of the URL"),
        ({"url": "x", "engine_kwargs": {"connect_args": {"password": "planted"}}}, "in a key of its own"),
        (["x://u:planted@h", "x://u:planted2@h"], "expected one password"),
    ],
)
def test_a_password_that_cannot_be_hidden_is_refused(storage, message):
    with pytest.raises(SweepError) as caught:
        hide(storage)
    assert message in str(caught.value)
    assert "planted" not in str(caught.value)


def test_without_the_variable_the_storage_says_so():
    with pytest.raises(SweepError, match=rf"\*\*\* for its password, and {VARIABLE} is not set"):
        StudyAddress("toy", Path(), "postgresql://u:***@h/db").load()


def test_passwords_of_other_urls_are_not_shown():
    assert masked("no answer from https://me:pl@nted@host/path (x@y)") == (
        "no answer from https://me:***@host/path (x@y)"
    )
    assert masked("https://host:80/path sqlite:///a:b") == "https://host:80/path sqlite:///a:b"
