import time
from pathlib import Path

import pytest

from hydra_sweep.code import version
from tests.toy.checkout import Checkout


@pytest.fixture
def here(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "checkout")


def test_git_need_not_be_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", "")
    assert version.current(tmp_path, tmp_path) is None


def test_passwords_of_urls_are_not_in_the_diff(here, monkeypatch):
    monkeypatch.setenv("SWEEP_STORAGE_PASSWORD", "secret%word")
    lines = "x: 0.5\nurl: postgresql://me:another-word@host/db\nsame: secret%word\n"
    here.edit("tests/toy/toy.yaml", "x: 0.5\n", lines)
    diff = version.current(here.root, here.root / "logs").diff
    assert "postgresql://me:***@host/db" in diff
    assert "+same: ***" in diff
    assert "word" not in diff.replace("password", "")


def test_diffs_are_bounded_and_quick(here):
    (here.root / "configs/big.yaml").write_text("")
    (here.root / "configs/many.yaml").write_text("")
    here.commit()
    (here.root / "configs/big.yaml").write_text("a: 1\n" * 10**6)
    (here.root / "configs/many.yaml").write_text("a: 1\n" * 10**5)
    began = time.monotonic()
    current = version.current(here.root, here.root / "logs")
    assert time.monotonic() - began < 5  # as a rule 0.1
    assert "Binary files a/configs/big.yaml and b/configs/big.yaml differ" in current.diff
    assert current.diff.count("a: 1") == 10**5
    for i in range(5):
        (here.root / f"configs/many{i}.yaml").write_text("b: 1\n" * 10**5)
    here.git("add", "--all")
    assert len(version.current(here.root, here.root / "logs").diff) < version.MOST_BYTES + 100
