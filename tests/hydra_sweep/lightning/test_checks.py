import pytest

from hydra_sweep.errors import SweepError
from hydra_sweep.lightning.checks import check
from hydra_sweep.settings import Settings
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.sweep import Plan


@pytest.fixture
def plan(tmp_path):
    def make(gpus: int | None, direction: str = "maximize") -> Plan:
        settings = Settings(sampler={}, pruner={}, study_name="toy", direction=direction)
        return Plan(StudyAddress("toy", tmp_path), settings, SearchSpace({}, []), gpus)

    return make


@pytest.mark.parametrize(
    ("gpus", "accelerator", "devices", "tasks", "message"),
    [
        (0, "auto", "2", 2, None),  # processes on the CPU
        (0, "gpu", "1", 1, "shows no GPU"),
        (None, "gpu", "4", 4, None),  # only the cluster knows
        (1, "gpu", "auto", 1, None),
        (1, "gpu", "-1", 1, None),
        (1, "auto", "2", 2, "at most 1"),
        (1, "cuda", "[0,1]", 2, "at most 1"),
        (1, "cuda", "'0,1'", 2, "at most 1"),
        (2, "cuda", "'0,1'", 2, None),
    ],
)
def test_no_more_gpus_than_there_are(compose_cfg, plan, gpus, accelerator, devices, tasks, message):
    trainer = [f"trainer.accelerator={accelerator}", f"trainer.devices={devices}"]
    cfg = compose_cfg("optimized_metric=val/acc", *trainer, *local(tasks))
    if message is None:
        check(cfg, plan(gpus))
    else:
        with pytest.raises(SweepError, match=message):
            check(cfg, plan(gpus))


def local(tasks: int) -> list[str]:
    return ["hydra/launcher=local", f"hydra.launcher.tasks_per_node={tasks}"]


@pytest.mark.parametrize(
    ("tasks", "trainer", "message"),
    [
        (2, ["trainer.devices=auto", "trainer.accelerator=gpu"], None),  # the two there are
        (1, ["trainer.devices=auto", "trainer.accelerator=gpu"], r"Set hydra.launcher.tasks_per_node=2\."),
        (1, ["trainer.devices=2"], r"devices=2 .*tasks_per_node=1 .*Set hydra.launcher.tasks_per_node=2\."),
        (1, ["trainer.num_nodes=2"], "Set hydra.launcher.tasks_per_node=1 hydra.launcher.nodes=2"),
    ],
)
def test_how_many_tasks_to_set_is_said(compose_cfg, plan, tasks, trainer, message):
    cfg = compose_cfg("optimized_metric=val/acc", *trainer, *local(tasks))
    if message is None:
        check(cfg, plan(2))
    else:
        with pytest.raises(SweepError, match=message):
            check(cfg, plan(2))


@pytest.mark.parametrize(
    ("overrides", "holds"),
    [
        (["hydra/launcher=local"], True),
        (["hydra/launcher=submitit_local"], True),
        (["hydra/launcher=local", "trainer.devices=2"], False),
        (["hydra/launcher=local", "hydra.launcher.tasks_per_node=2"], False),
        (["hydra/launcher=slurm", "hydra.launcher.nodes=2", "trainer.num_nodes=2"], True),
        (["hydra/launcher=slurm", "hydra.launcher.nodes=2", "trainer.devices=2"], False),
    ],
)
def test_each_device_of_a_trial_is_a_task_of_its_job(compose_cfg, plan, overrides, holds):
    cfg = compose_cfg("optimized_metric=val/acc", "trainer.accelerator=cpu", *overrides)
    if holds:
        check(cfg, plan(None))
    else:
        with pytest.raises(SweepError, match="each device of a trial is a task of its job"):
            check(cfg, plan(None))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["trainer.max_epochs=-1"], None),  # early stopping is on
        (["trainer.max_epochs=-1", "callbacks.early_stopping=null"], "no trial would end"),
        (["trainer.max_epochs=-1", "callbacks.early_stopping=null", "+trainer.max_steps=10"], None),
        (["+trainer.min_steps=9", "+trainer.max_steps=5"], "min_steps=9 is more than trainer.max_steps=5"),
        (["callbacks.model_checkpoint.mode=min"], "callbacks.model_checkpoint.mode=min: expected max"),
        (["callbacks.model_checkpoint.mode=min", "optimized_metric=val/loss"], None),
        (
            ["+trainer.limit_val_batches=0.0"],
            "optimized_metric=val/acc_best: with trainer.limit_val_batches=0.0 it would never be logged",
        ),
        (
            ["+trainer.limit_val_batches=0", "optimized_metric=train/acc"],
            "callbacks.early_stopping.monitor=val/acc_best: with trainer.limit_val_batches=0 ",
        ),
        (
            ["+trainer.limit_val_batches=0", "optimized_metric=train/acc", "callbacks.early_stopping=null"],
            None,
        ),
        (
            [
                *("+trainer.limit_val_batches=0", "optimized_metric=train/acc"),
                "callbacks.early_stopping.strict=false",
            ],
            None,
        ),
        (["trainer.check_val_every_n_epoch=11"], "check_val_every_n_epoch=11 and trainer.max_epochs=10"),
        (["trainer.check_val_every_n_epoch=10"], None),
        (
            ["+trainer.val_check_interval='00:01:00:00'"],
            "callbacks.early_stopping.check_on_train_epoch_end",
        ),
        (
            [
                "+trainer.val_check_interval={minutes: 1}",
                "callbacks.early_stopping.check_on_train_epoch_end=false",
            ],
            None,
        ),
        (["+trainer.max_steps=0", "test=false"], "trainer.max_steps=0: nothing would be trained"),
        (["+trainer.limit_train_batches=0", "test=false"], "nothing would be trained"),
        (["+trainer.limit_train_batches=0", "optimized_metric=test/acc"], None),
        (["train=false", "test=false"], "nothing to optimise"),
        (["train=false", "optimized_metric=test/acc"], None),
        (["optimized_metric=test/acc"], None),
        (
            ["optimized_metric=test/acc", "test=false"],
            "optimized_metric=test/acc: with test=false it would",
        ),
        (["train=false"], "optimized_metric=val/acc_best: with train=false it would never be logged"),
        (["optimized_metric=test_time/acc", "test=false"], None),
        (["+trainer.barebones=true"], "Lightning then logs nothing"),
        (["+trainer.fast_dev_run=true", "+trainer.limit_val_batches=0"], None),
    ],
)
def test_stop_rules_must_not_contradict_each_other(compose_cfg, plan, overrides, message):
    cfg = compose_cfg(*overrides)
    if message is None:
        check(cfg, plan(0))
    else:
        with pytest.raises(SweepError, match=message):
            check(cfg, plan(0))
