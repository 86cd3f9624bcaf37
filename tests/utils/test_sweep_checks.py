import pytest

from src.sweep.errors import SweepError
from src.sweep.plan import Plan
from src.sweep.settings import Settings
from src.sweep.space import SearchSpace
from src.sweep.storage import StudyAddress
from src.utils.sweep_checks import check


@pytest.fixture
def plan(tmp_path):
    def make(gpus: int | None, direction: str = "maximize") -> Plan:
        settings = Settings.parse(
            {"sampler": {}, "pruner": {}, "study_name": "toy", "direction": direction}
        )
        return Plan(StudyAddress("toy", tmp_path), settings, SearchSpace({}, []), gpus)

    return make


@pytest.mark.parametrize(
    ("gpus", "accelerator", "devices", "message"),
    [
        (0, "auto", "2", None),  # processes on the CPU
        (0, "gpu", "1", "shows no GPU"),
        (None, "gpu", "4", None),  # only the cluster knows
        (1, "gpu", "auto", None),
        (1, "gpu", "-1", None),
        (1, "auto", "2", "at most 1"),
        (1, "cuda", "[0,1]", "at most 1"),
        (1, "cuda", "'0,1'", "at most 1"),
        (2, "cuda", "'0,1'", None),
    ],
)
def test_no_more_gpus_than_there_are(compose_cfg, plan, gpus, accelerator, devices, message):
    trainer = [f"trainer.accelerator={accelerator}", f"trainer.devices={devices}"]
    tasks = {"2": 2, "4": 4, "[0,1]": 2, "'0,1'": 2}.get(devices, 1)
    launcher = ["hydra/launcher=local", f"hydra.launcher.tasks_per_node={tasks}"]
    cfg = compose_cfg("optimized_metric=val/acc", *trainer, *launcher)
    if message is None:
        check(cfg, plan(gpus))
    else:
        with pytest.raises(SweepError, match=message):
            check(cfg, plan(gpus))


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
        (["callbacks.model_checkpoint.mode=min", "optimized_metric=val/acc_best"], None),
    ],
)
def test_stop_rules_must_not_contradict_each_other(compose_cfg, plan, overrides, message):
    cfg = compose_cfg("optimized_metric=val/acc", *overrides)
    if message is None:
        check(cfg, plan(0))
    else:
        with pytest.raises(SweepError, match=message):
            check(cfg, plan(0))
