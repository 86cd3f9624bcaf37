"""What samplers and search spaces propose, by the real command."""

import pytest
from omegaconf import OmegaConf

from hydra_sweep.study.storage import StudyAddress
from tests.conftest import ROOT
from tests.toy.sweeps import TWO_WORKERS, load, on


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
        ("gp", "GPSampler"),
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
    file = tmp_path / "configs/hydra/sweeper/sampler/mine.yaml"
    file.parent.mkdir(parents=True)
    file.write_text("_target_: optuna.samplers.QMCSampler\n")
    searched = f"hydra.searchpath=[file://{tmp_path}/configs]"
    done = toy(searched, "hydra/sweeper/sampler=mine", "hydra.sweeper.dry_run=true")
    assert "QMCSampler" in done.stdout


def test_brute_force_ends_once_all_is_tried_and_stays_so(toy, tmp_path):
    space = "hydra.sweeper.custom_search_space=tests.toy.space.branches"
    words = ["hydra/sweeper/sampler=brute_force", "hydra.sweeper.n_trials=20", "x=choice(0.1,0.9)", space]
    done = toy(*words, PYTHONPATH=str(ROOT))
    tried = [tuple(trial.params.values()) for trial in load(tmp_path).trials]
    assert sorted(tried) == [(0.1,), (0.9, 1), (0.9, 2), (0.9, 3)]
    said = "its sampler, or a trial, has said so"
    assert said in done.stdout
    assert said in toy(*words, PYTHONPATH=str(ROOT)).stdout
    assert len(load(tmp_path).trials) == 4


def test_brute_force_tries_nothing_twice_though_no_trial_is_seeded(toy, tmp_path):
    several = ["hydra.sweeper.n_jobs=2", "hydra.sweeper.slots=2", "hydra.sweeper.n_trials=9"]
    done = toy("hydra/sweeper/sampler=brute_force", "x=0.1,0.2,0.3", "+y=1,2", *several)
    assert "The space has 6 combinations: 6 trials, not 9." in done.stdout
    assert len({tuple(trial.params.values()) for trial in load(tmp_path).trials}) == 6


def test_a_gaussian_process_shares_a_database_with_its_worker(toy, tmp_path, database):
    startup = "hydra.sweeper.sampler.n_startup_trials=2"
    done = toy(
        "hydra/sweeper/sampler=gp", startup, on(database), "x=range(0.0,1.0,0.1)", "+seed=1", TWO_WORKERS
    )
    assert "4 done, 0 pruned, 0 failed" in done.stdout
    assert any("gp:" in key for trial in load(tmp_path, database).trials for key in trial.system_attrs)


def test_a_pruner_in_a_pruner_goes_by_its_name(toy):
    within = "hydra.sweeper.pruner.wrapped_pruner"
    chosen = ["hydra/sweeper/pruner=patient", f"hydra/sweeper/pruner@{within}=asha"]
    done = toy(*chosen, f"{within}.reduction_factor=1", check=False)
    assert "reduction_factor >= 2" in done.stderr
    toy("hydra/sweeper/pruner=patient", f"{within}=null", "hydra.sweeper.dry_run=true")
