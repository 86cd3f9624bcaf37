import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf

from hydra_sweep.supervisor.tracking import Tracking

CFG = OmegaConf.create({"hydra": {}})
KEPT = "kept"


class Tracker:
    """Writes down what it is asked."""

    def __init__(self) -> None:
        self.file = Path(os.environ[KEPT])

    def get_ready(self, config) -> None:
        pass

    def follow(self, cfg, study) -> str:
        self.file.write_text(f"followed {study}")
        return "seen"

    def finish(self, cfg, study) -> list[str]:
        return [self.file.read_text() if self.file.exists() else "not followed"]


@pytest.fixture
def tracking(tmp_path, monkeypatch) -> Tracking:
    monkeypatch.setenv(KEPT, str(tmp_path / "kept"))
    settings = SimpleNamespace(tracker=f"{__name__}.Tracker")
    tracking = Tracking(
        SimpleNamespace(settings=settings, config=CFG, address=SimpleNamespace(load=lambda: "toy"))
    )
    yield tracking
    tracking.stop()


def test_what_is_new_is_tracked_at_once_where_that_is_asked(tracking, tmp_path, capfd):
    tracking.start()
    tracking.follow(CFG)
    tracking.hasten()
    assert tracking.finish(CFG) == ["followed toy"]
    assert "seen" in capfd.readouterr().out


def test_nothing_is_hastened_that_was_not_begun(tracking):
    tracking.hasten()
    assert not tracking.pid
    tracking.start()
    tracking.hasten()
    assert tracking.finish(CFG) == ["not followed"]
