"""Applications written for hydra-optuna-sweeper: they run with `hydra/sweeper=async_optuna` added, and
nothing else. They leave launcher, folder and `version_base` to Hydra, which then runs each job in its own
folder."""

import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from hydra_sweep.study.storage import StudyAddress

APP = """
import os
import hydra

@hydra.main(config_path=".", config_name="config")
def main(cfg):
    with open("where", "w") as file:
        file.write(os.getcwd())
    values = [cfg.x**2 + cfg.y**2 + cfg.get("w", 0), (cfg.x - 5) ** 2]
    return values if cfg.both else values[0]

def configure(cfg, trial):
    low = trial.params["x"] - cfg.width
    trial.suggest_float("y", low, low + 2 * cfg.width)
    trial.suggest_float("+w", 0.0, 1.0)

if __name__ == "__main__":
    main()
"""
CONFIG = """
defaults:
  - override hydra/sweeper: optuna
  - override hydra/sweeper/sampler: {sampler}
hydra:
  sweeper:
    sampler: {{seed: 123}}
    direction: {direction}
    study_name: {name}
    storage: null
    n_trials: 8
    n_jobs: 1
    max_failure_rate: 0.0
    params:
      x: range(-5.5, 5.5, step=0.5)
{more}
x: 1
y: 1
width: 0.5
both: {both}
"""
CHOICE, CUSTOM = "      y: choice(-5, 0, 5)", "    custom_search_space: my-app.configure"


@pytest.mark.parametrize(
    ("name", "sampler", "direction", "more", "both"),
    [
        ("sphere", "tpe", "minimize", CHOICE, False),
        ("cmaes", "cmaes", "minimize", CHOICE, False),
        ("grid", "grid", "maximize", CHOICE, False),
        ("two", "nsgaii", "[minimize, minimize]", CHOICE, True),
        ("custom", "random", "minimize", CUSTOM, False),
    ],
)
def test_it_runs_as_it_is(tmp_path, name, sampler, direction, more, both):
    (tmp_path / "my-app.py").write_text(APP)
    config = CONFIG.format(name=name, sampler=sampler, direction=direction, more=more, both=both)
    (tmp_path / "config.yaml").write_text(config)
    command = [sys.executable, "my-app.py", "-m", "hydra/sweeper=async_optuna"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 done" in done.stdout
    assert "Deprecat" not in done.stderr

    folder = tmp_path / "multirun" / name
    trials = StudyAddress(name, folder).load().trials
    for trial in trials:
        own = folder / str(trial.number)
        assert Path((own / "where").read_text()) == own
        config = OmegaConf.load(own / ".hydra/config.yaml")
        assert config.x == trial.params["x"]
        assert len(trial.values) == 1 + both
        if more == CUSTOM:
            assert abs(config.y - config.x) <= 0.5
            assert config.w == trial.params["+w"]
    assert len({tuple(trial.params.values()) for trial in trials}) > 4
    found = OmegaConf.load(folder / "optimization_results.yaml")
    assert ("solutions" in found) == both
