"""Trials at growing fidelities, by the real command."""

import pytest
import torch

from hydra_sweep.study.storage import StudyAddress
from tests.sweeps.test_mistakes import check_told
from tests.toy.sweeps import TWO_WORKERS, load, on

SHARES = "hydra.sweeper.fidelity={share:[0.1,0.5,1.0]}"


def test_a_trial_that_was_killed_does_no_finished_run_again(toy, tmp_path, database):
    asha = ["hydra/sweeper/pruner=asha", "hydra.sweeper.pruner.reduction_factor=2"]
    first = "hydra.sweeper.enqueue=['x=0.5','x=0.25','x=0.75','x=0.125']"
    options = [SHARES, *asha, on(database), "hydra.sweeper.n_jobs=1", "steps=2"]
    done = toy(*options, first, "what={1: kill at half}")
    trials = load(tmp_path, database).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "COMPLETE", "PRUNED", "COMPLETE"]
    assert [trial.user_attrs.get("attempt", 0) for trial in trials] == [0, 1, 0, 0]
    assert trials[1].intermediate_values == {1: 2.5, 2: 0.5, 3: 0.25}, "none of the task's own reports"
    assert trials[2].intermediate_values == {1: 7.5}
    assert "Pruner at share=0.1, fidelity 1 of 3)" in done.stdout
    assert "share=1.0 hydra.mode=RUN x=0.125" in done.stdout
    folder = tmp_path / "multirun/toy/1"
    assert len((folder / "times").read_text().splitlines()) == 2, "at 0.1 and at 0.5, once each"
    for name, share in (("fidelity_1", 0.1), ("fidelity_2", 0.5), (".", 1.0)):
        assert f"share: {share}" in (folder / name / ".hydra/config.yaml").read_text()


def test_mistakes_are_told_and_other_fidelities_are_refused(toy, tmp_path):
    for argument, message in {
        "hydra.sweeper.fidelity={shares:[0.1,1.0]}": "shares",
        "hydra.sweeper.fidelity={share:[1.0,0.1]}": "expected a key with growing numbers",
        f"{SHARES} hydra.sweeper.go_on='ckpt={{before}}'": "ckpt",
        f"{SHARES} hydra.launcher.tasks_per_node=2": "is for trials of one task",
    }.items():
        check_told(toy(*argument.split(" "), check=False), message)
        assert list(tmp_path.iterdir()) == []
    toy(SHARES, TWO_WORKERS, "hydra.sweeper.n_trials=2", "+seed=1", "hydra.sweeper.confirm={top:1,seeds:2}")
    folder = tmp_path / "multirun/toy/confirm"
    assert len((folder / "times").read_text().splitlines()) == 2, "at the last fidelity alone"
    assert "share: 1.0" in (folder / "0/.hydra/config.yaml").read_text()
    done = toy("hydra.sweeper.fidelity={share:[0.2,1.0]}", "hydra.sweeper.n_trials=3", check=False)
    check_told(done, "fidelity was share: [0.1, 0.5, 1.0], now share: [0.2, 1.0]")
    check_told(toy("hydra.sweeper.n_trials=3", check=False), "now none")


def test_trainings_go_on_from_one_another(train, tmp_path):
    """Of epochs: each run has the checkpoint of the one before; the last is killed in its midst."""
    short = ["+trainer.limit_train_batches=20", "+trainer.limit_val_batches=5", "hydra.sweeper.n_trials=1"]
    train(
        *["-m", "hparams_search=mnist_optuna", *short, "seed=1", "+trainer.log_every_n_steps=5"],
        *["+callbacks.die_once._target_=tests.toy.die_once.DieOnce", "+callbacks.die_once.epoch=2"],
        "hydra.sweeper.fidelity={trainer.max_epochs:[1,3]}",
        "hydra.sweeper.go_on='ckpt_path={before}/checkpoints/last.ckpt'",
    )
    folder = tmp_path / "logs/train/multiruns/mnist_optuna"
    (trial,) = StudyAddress("mnist_optuna", folder).load().trials
    assert (trial.state.name, sorted(trial.intermediate_values)) == ("COMPLETE", [1, 2])
    assert trial.value == pytest.approx(trial.intermediate_values[2])
    assert trial.user_attrs["attempt"] == 1
    assert "Attempt 2 goes on at step 40" in (folder / "0/train.log").read_text()
    checkpoints = [folder / "0" / name / "checkpoints/last.ckpt" for name in ("fidelity_1", ".")]
    steps = [torch.load(file, weights_only=True)["global_step"] for file in checkpoints]
    assert steps == [20, 60]
    assert not list(folder.rglob("resume.ckpt"))
