"""The best in hand, and the commands that are printed with it, by the real commands."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from hydra_sweep.study.found import study_of_folder
from tests.conftest import run_python
from tests.sweeps.test_report import shown
from tests.toy.sweeps import load

# A plain application, whose configuration is in several places. Its value depends on the seed.
APP = """
import os
import random
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig

@hydra.main(version_base="1.3", config_path="conf", config_name="config")
def main(cfg):
    value = cfg.net.size + cfg.x + cfg.scale * random.Random(cfg.seed).random() + len(cfg.text)
    Path(HydraConfig.get().runtime.output_dir, "model.pt").write_text(repr(value))
    print("value", repr(value), cfg.where, os.environ["OF_JOB"], cfg.extra.n)
    return value

main()
"""
CONFIGS = {
    "conf/config": "defaults: [_self_, net: small, search: null, extra: null]\n"
    "x: 1.0\nscale: 0.0\nseed: 7\neffort: 2\ntext: ''\nwhere: ${oc.env:WHERE}\n",
    "conf/net/small": "size: 1\n",
    "conf/net/large": "size: 0\n",
    "conf/search/it": "# @package _global_\ndefaults: [override /hydra/sweeper: async_optuna, "
    "override /hydra/sweeper/pruner: asha]\n"
    "scale: 0.5\nhydra: {mode: MULTIRUN, job: {env_set: {OF_JOB: job}}, sweeper: {n_trials: 4, n_jobs: 1, "
    "pruner: {reduction_factor: 2}, sampler: {n_startup_trials: 3}, fidelity: {effort: [1, 2]}, "
    "params: {x: 'interval(0, 1)', net: 'choice(small, large)'}, stop: {patience: 100}}}\n",
    "more of it/extra/one": "n: 1\n",
}


@pytest.fixture
def here(tmp_path) -> Path:
    folder = tmp_path / "it is here"
    for name, text in {"my_app/app.py": APP, **{f"my_app/{n}.yaml": t for n, t in CONFIGS.items()}}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def commands(said: str) -> dict[str, str]:
    return dict(re.findall(r"^(\w.*):\n  (.+)$", said, re.MULTILINE))


def shell(line: str, here: Path) -> str:
    env = {**os.environ, "OMP_NUM_THREADS": ""}
    done = subprocess.run(line, shell=True, cwd=here, env=env, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_printed_is_run(here):
    started = f"{sys.executable} -m my_app.app"
    places = f"hydra.searchpath=['file://{here}/my_app/more of it']"
    given = ["search=it", "extra=one", places, "text='it, is'"]
    words = shlex.join([*given])
    said = shell(f'WHERE="in my shell\'s" {started} {words}', here)
    sweep = here / "multirun/app"
    study = load_app(sweep)
    best = sweep / "best"
    known = OmegaConf.load(best / "metrics.yaml")
    assert (known.trial, known["values"].value) == (study.best_trial.number, study.best_value)
    assert (best / "model.pt").read_text() == repr(study.best_value)
    assert "configuration, metrics, 1 checkpoint." in said

    printed = commands(said)
    expected = f"value {study.best_value!r} in my shell's job 1\n"
    assert shell(printed["Train it again"], here) == expected
    again = shlex.join([f"--config-dir={sweep}", places, "+best=experiment"])
    again = f'WHERE="in my shell\'s" {started} {again}'
    assert shell(again, here) == expected

    seeds = shell(printed["Train it with 5 other seeds, each once: mean ± sd"], here)
    found = re.search(r"value of 5 seeds: ([\d.]+) ± ([\d.]+) ", seeds)
    values = [trial.value for trial in load_app(sweep / f"seeds/{known.trial}").trials]
    assert len({*values}) == 5
    assert abs(float(found[1]) - sum(values) / 5) < 0.01
    assert "Train it with" not in seeds


def load_app(sweep: Path):
    return study_of_folder(sweep).load()


def kept(tmp_path, place: str = ".") -> int:
    folder = tmp_path / "multirun/toy/best" / place
    (line,) = re.findall(r"^x: (\S+)$", (folder / "experiment.yaml").read_text(), re.MULTILINE)
    number = OmegaConf.load(folder / "metrics.yaml").trial
    assert float(line) == load(tmp_path).trials[number].params["x"]
    return number


def test_it_follows_what_becomes_of_trials(toy, tmp_path):
    first = "hydra.sweeper.enqueue=['x=0.1','x=0.2','x=0.3']"
    toy(first, "hydra.sweeper.n_trials=3")
    assert kept(tmp_path) == 0
    by_hand = ["src/hydra_sweep/__main__.py", "drop", "multirun/toy", "0"]
    run_python(*by_hand, cwd=tmp_path)
    toy(first, "hydra.sweeper.n_trials=3")
    assert kept(tmp_path) == 1
    by_hand[1] = "add"
    run_python(*by_hand[:3], "x=0.01", "--value", "0.01", cwd=tmp_path)
    toy(first, "hydra.sweeper.n_trials=4")
    assert kept(tmp_path) == 3


def test_of_several_objectives_each_of_the_front(toy, tmp_path):
    two = ["what={0: two, 1: two, 2: two}", "hydra.sweeper.direction=[minimize,maximize]"]
    two += ["hydra.sweeper.enqueue=['x=0.1','x=0.2','x=0.3']", "hydra.sweeper.n_trials=3"]
    done = toy(*two)
    best = tmp_path / "multirun/toy/best"
    assert sorted(os.listdir(best)) == ["0", "1", "2"]
    assert [kept(tmp_path, str(n)) for n in range(3)] == [0, 1, 2]
    number = int(re.search(r"The best is trial (\d), kept in \S+/best/(\d):", done.stdout)[1])
    assert f"x=0.{number + 1}" in commands(done.stdout)["Train it again"]

    done = toy(*two, "hydra.sweeper.prefer=['value 1','value 0']")
    assert kept(tmp_path) == 2
    assert [kept(tmp_path, str(n)) for n in range(3)] == [0, 1, 2]
    assert "The best is trial 2, kept in " in done.stdout
    run_python("src/hydra_sweep/__main__.py", "report", str(best.parent), cwd=tmp_path)
    assert shown(best.with_name("report.html"))["best"][0] == 2
    status = run_python("src/hydra_sweep/__main__.py", "status", str(best.parent), cwd=tmp_path)
    assert "x=0.3" in commands(status.stdout)["Train it again"]
