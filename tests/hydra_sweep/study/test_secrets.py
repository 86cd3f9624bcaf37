"""What is masked, and how it comes back."""

import os
import sys
from pathlib import Path
from urllib.parse import quote

import pytest
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.config_search_path_impl import ConfigSearchPathImpl
from hydra.types import HydraContext
from omegaconf import OmegaConf

from hydra_sweep.errors import SweepError
from hydra_sweep.study.secrets import VARIABLE, Hider, hide_password, masked, revealed
from hydra_sweep.study.storage import StudyAddress
from tests.postgres import PASSWORD


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    monkeypatch.setenv(VARIABLE, "")


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
