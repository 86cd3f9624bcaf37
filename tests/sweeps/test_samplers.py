"""What samplers and search spaces propose, by the real command."""

import pytest
from omegaconf import OmegaConf

from hydra_sweep.study.storage import StudyAddress
from tests.conftest import ROOT
from tests.toy.sweeps import load


def test_a_grid_is_searched_once(toy, tmp_path):
    toy("hydra/sweeper/sampler=grid", "x=range(0.0,1.0,0.25)", "hydra.sweeper.n_trials=99")
    assert sorted(t.params["x"] for t in load(tmp_path).trials) == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("sampler", ["cmaes", "tpe"])
def test_samplers_seeded_alike_propose_alike_and_never_twice_the_same(toy, tmp_path, sampler):
    found = []
    for name in ("one", "two"):
        toy(
            f"hydra/sweeper/sampler={sampler}",
            "hydra.sweeper.sampler.seed=7",
            f"hydra.sweeper.study_name={name}",
        )
        study = StudyAddress(name, tmp_path / "multirun" / name).load()
        found.append([trial.params["x"] for trial in study.trials])
    assert found[0] == found[1]
    assert len(set(found[0])) == 4


def test_custom_search_space(toy, tmp_path):
    toy("hydra.sweeper.custom_search_space=tests.toy.space.extend", PYTHONPATH=str(ROOT))
    for trial in load(tmp_path).trials:
        folder = tmp_path / "multirun" / "toy" / str(trial.number)
        config = OmegaConf.load(folder / ".hydra/config.yaml")
        assert ("extra" in config) == (trial.params["x"] > 0.5)
        assert config.get("extra") == trial.params.get("+extra")


@pytest.mark.parametrize(
    ("sampler", "name"),
    [
        ("tpe", "TPESampler"),
        ("random", "RandomSampler"),
        ("cmaes", "CmaEsSampler"),
        ("nsgaii", "NSGAIISampler"),
        ("grid", "GridSampler"),
    ],
)
def test_any_sampler_goes_with_the_templates_search(train, sampler, name):
    done = train(
        *("-m", "hparams_search=mnist_optuna", f"hydra/sweeper/sampler={sampler}"),
        "hydra.sweeper.dry_run=true",
    )
    assert f"maximize val/acc_best. {name}, MedianPruner." in done.stdout
    assert "Warning" not in done.stderr


def test_an_applications_own_sampler_stays_its_own(toy, tmp_path):
    for name, target in (("mine", "RandomSampler"), ("qmc", "QMCSampler")):
        file = tmp_path / f"configs/hydra/sweeper/sampler/{name}.yaml"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"_target_: optuna.samplers.{target}\n")
        searched = f"hydra.searchpath=[file://{tmp_path}/configs]"
        done = toy(searched, f"hydra/sweeper/sampler={name}", "hydra.sweeper.dry_run=true")
        assert target in done.stdout
