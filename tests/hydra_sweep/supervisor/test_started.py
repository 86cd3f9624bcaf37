import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from hydra_sweep.supervisor import started


def executable(file: Path) -> str:
    file.parent.mkdir(exist_ok=True)
    file.touch(0o755)
    return str(file)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    """A working directory, with a `python` and a command `my-app` in the shell's path."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("UV_RUN_RECURSION_DEPTH", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "executable", executable(tmp_path / "bin/python"))
    executable(tmp_path / "bin/my-app")
    return tmp_path


@pytest.mark.parametrize(
    ("argv", "module", "python", "uv", "says"),
    [
        ("src/train.py", None, "bin/python", False, "python src/train.py"),
        ("src/train.py", None, "env/python", False, "env/python src/train.py"),
        ("src/train.py", None, "bin/python", True, "uv run python src/train.py"),
        ("x/my/app.py", "my.app", "bin/python", False, "python -m my.app"),
        ("x/my/__main__.py", "my.__main__", "bin/python", True, "uv run python -m my"),
        ("bin/my-app", None, "bin/python", False, "my-app"),
        ("bin/my-app", None, "env/python", True, "uv run my-app"),
        ("other/my-app", None, "bin/python", False, "python other/my-app"),
    ],
)
def test_the_program_in_the_users_words(here, monkeypatch, argv, module, python, uv, says):
    monkeypatch.setattr(sys, "argv", [argv])
    monkeypatch.setattr(sys, "executable", executable(here / python))
    spec = SimpleNamespace(name=module) if module else None
    monkeypatch.setitem(sys.modules, "__main__", SimpleNamespace(__spec__=spec))
    if uv:
        monkeypatch.setenv("UV_RUN_RECURSION_DEPTH", "1")
    assert " ".join(started._program()) == says


SECRETS = ["DB_PASS", "PGPASSWORD", "MYSQL_PWD", "GPG_PASSPHRASE", "WANDB_APIKEY", "AWS_SECRET_ACCESS_KEY"]


def test_what_the_configuration_takes_from_the_environment(monkeypatch):
    for name in ("ROOT", "SET", "HF_TOKEN", "API_KEY", "DB", "UNUSED", "MONKEY", *SECRETS):
        monkeypatch.setenv(name, "postgresql://me:secret@host/db" if name == "DB" else "value")
    cfg = OmegaConf.create(
        {
            "a": "${oc.env:ROOT}/x/${oc.env:MONKEY}",
            "b": ["${oc.env:SET,none}", "${oc.decode:${oc.env:NOT_THERE,1}}"],
            "c": {"d": "${oc.env:HF_TOKEN}", "e": "${oc.env:API_KEY, x}"},
            "secrets": [f"${{oc.env:{name}}}" for name in SECRETS],
            "hydra": {"sweeper": {"storage": "${oc.env:DB}"}},
        }
    )
    found = started._variables(cfg)
    assert found == {
        **dict.fromkeys(("ROOT", "MONKEY", "SET"), "value"),
        **dict.fromkeys(("HF_TOKEN", "API_KEY", "DB", *SECRETS)),
    }
