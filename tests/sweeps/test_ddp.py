"""MNIST trained by two ranks a trial on the CPU (gloo), by the real command."""

import mlflow

from hydra_sweep.study.storage import StudyAddress

DDP = [
    *("hydra.launcher.tasks_per_node=2", "trainer.devices=2", "trainer.strategy=ddp"),
    *("trainer.accelerator=cpu", "hydra.sweeper.n_jobs=1"),
]
PRUNE_THIRD_EPOCH = [
    *("hydra/sweeper/pruner=none", "hydra.sweeper.pruner._target_=optuna.pruners.ThresholdPruner"),
    *("+hydra.sweeper.pruner.upper=0.0", "+hydra.sweeper.pruner.n_warmup_steps=3"),
]
ALIKE = ["model.optimizer.lr=0.01", *(f"model.net.lin{i}_size=64" for i in (1, 2, 3)), "data.batch_size=64"]


def test_two_ranks_end_prune_and_go_on_together(train, tmp_path):
    train(
        *("-m", "hparams_search=mnist_optuna", *DDP, *PRUNE_THIRD_EPOCH, *ALIKE),
        *("trainer.max_epochs=choice(2,4)", "hydra.sweeper.n_trials=2", "hydra.sweeper.sampler.seed=3"),
        *("+trainer.limit_train_batches=20", "+trainer.limit_val_batches=5"),
        "+trainer.log_every_n_steps=5",
        # one of the ranks of trial 0, in its second epoch
        "+callbacks.die_once._target_=tests.toy.die_once.DieOnce",
    )
    folder = tmp_path / "logs/train/multiruns/mnist_optuna"
    trials = StudyAddress("mnist_optuna", folder).load().trials
    assert trials[0].user_attrs["losses"] == 1
    assert "losses" not in trials[1].user_attrs
    assert sorted(trial.params["trainer.max_epochs"] for trial in trials) == [2, 4]
    for trial in trials:
        pruned = trial.params["trainer.max_epochs"] == 4
        assert (trial.state.name, trial.last_step) == (("PRUNED", 3) if pruned else ("COMPLETE", 2))
        assert all(trial.intermediate_values[epoch] > 0.5 for epoch in (1, 2))
    killed, other = (trial.intermediate_values for trial in trials)
    assert (killed[1], killed[2]) == (other[1], other[2])

    log = (folder / "0/train.log").read_text()
    assert "Attempt 2 goes on at step 20" in log
    assert "srun" not in log
    assert "sync_dist" not in log
    assert "GLOBAL_RANK: 1, MEMBER: 2/2" in (folder / "0/train.rank1.log").read_text()
    assert (folder / "0/.hydra/overrides.yaml").is_file()

    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/logs/mlflow/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("train").experiment_id])
    assert len(runs) == 3  # the sweep's, and one a trial
    found = client.search_runs([client.get_experiment_by_name("train").experiment_id])
    numbered = {run.data.tags.get("trial"): run.info.run_id for run in found}
    curves = [client.get_metric_history(numbered[str(t.number)], "train/loss") for t in trials]
    points = [[(point.step, point.value) for point in curve[:2]] for curve in curves]
    assert points[0] == points[1]
