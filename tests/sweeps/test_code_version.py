"""Commit and diff are kept with the study, by the real command."""

from pathlib import Path

import pytest

from tests.toy.checkout import Checkout
from tests.toy.sweeps import load


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_each_start_with_other_code_is_kept_and_shown(checkout, tmp_path):
    first = checkout.git("rev-parse", "HEAD")
    checkout.toy("hydra.sweeper.n_trials=1")
    checkout.toy("hydra.sweeper.n_trials=2")  # what the sweep itself wrote is no change
    checkout.edit("src/eval.py", "import hydra", "import hydra  # changed")
    (checkout.root / "src/own.py").write_text("secret = 1\n")
    said = checkout.toy("hydra.sweeper.n_trials=3")
    assert f"Changed since the study was begun: code: was {first[:7]}, now {first[:7]} with changes" in said
    second = checkout.commit()
    said = checkout.toy("hydra.sweeper.n_trials=4", "hydra.sweeper.dry_run=true")
    assert f"now {second[:7]}" in said
    said = checkout.toy("hydra.sweeper.n_trials=4")
    assert f"now {second[:7]}" in said
    said = checkout.toy("hydra.sweeper.n_trials=4")  # complete
    assert "Changed" not in said

    history = load(checkout.root).user_attrs["code"]
    assert [(one["commit"], one["branch"], one["dirty"], one["trials_ended"]) for one in history] == [
        (first, "main", False, 0),
        (first, "main", True, 2),
        (second, "main", False, 3),
    ]
    assert [one["snapshot"] for one in history] == [None] * 3
    (diff,) = (checkout.root / "multirun/toy/code").iterdir()
    assert [one["diff"] for one in history] == [None, f"code/{diff.name}", None]
    assert "# untracked: src/own.py" in diff.read_text()
    assert "secret" not in diff.read_text()
    checkout.git("checkout", "--quiet", first, "--", "src")
    checkout.git("apply", str(diff))
    assert "import hydra  # changed" in (checkout.root / "src/eval.py").read_text()


@pytest.mark.parametrize("state", ["no repository", "no commit"])
def test_without_a_commit_nothing_is_kept_and_nothing_said(tmp_path, state):
    checkout = Checkout(tmp_path / "checkout", with_git=False)
    if state == "no commit":
        checkout.git("init", "--quiet")
    said = checkout.toy("hydra.sweeper.n_trials=1")
    assert "git" not in said
    assert "code" not in load(checkout.root).user_attrs
    assert not (checkout.root / "multirun/toy/code").exists()


def test_the_command_line_help_does_not_ask_git(checkout, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/git").write_text(f"#!/bin/sh\ntouch {tmp_path}/asked\n")
    (tmp_path / "bin/git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    process = checkout.start("tests/toy/toy.py", "--help")
    assert process.communicate(timeout=60)[0]
    assert process.returncode == 0
    assert not (tmp_path / "asked").exists()
