"""What is checked of a Lightning training before anything is started: `hydra.sweeper.check`.

Runs in the supervisor's own process: without torch, Lightning and MLflow.
"""

import re
from collections.abc import Iterator
from typing import Any

from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from hydra_sweep.errors import SweepError
from hydra_sweep.sweep import Plan

LIGHTNING = ("lightning", "pytorch_lightning")
OF_A_TRAINER = {"accelerator", "max_epochs"}
GPU = ("gpu", "cuda")
# arguments of the trainer that are whole numbers, where they are set
WHOLE = ("min_epochs", "max_epochs", "min_steps", "max_steps", "num_nodes")

# what people call a metric of a part of the training: train/loss, valid/rmse
OF_PART = re.compile("(train|val|test)(ing|id|idation)?/")


def check(cfg: DictConfig, plan: Plan) -> None:
    """Raises SweepError where no trial like the example `cfg` could run, or would end as meant."""
    if not is_of_lightning(cfg):
        return
    if "optimized_metric" in cfg or OmegaConf.is_missing(cfg, "optimized_metric"):
        _check_metric(cfg, plan)
    _check_trainer(cfg.get("trainer"))
    _check_devices(cfg.trainer, plan.gpus)
    _check_ranks(cfg.trainer, plan.gpus)
    _check_limits(cfg)
    _check_anything_is_done(cfg)
    _check_early_stopping(cfg)
    _check_watched(cfg)
    _check_modes(cfg, plan)


def is_of_lightning(cfg: DictConfig) -> bool:
    """Whether the configuration is laid out as lightning-hydra-template's.

    It is where it has a trainer of Lightning's, or of a class of one's own with Lightning's arguments, or
    something else for a trainer beside the metric to optimise.
    """
    trainer = cfg.get("trainer")
    if not OmegaConf.is_dict(trainer) or "_target_" not in trainer:
        return "trainer" in cfg and "optimized_metric" in cfg
    package = str(trainer["_target_"]).partition(".")[0]
    return package in LIGHTNING or bool(OF_A_TRAINER & trainer.keys())


def _check_metric(cfg: DictConfig, plan: Plan) -> None:
    metric, directions = cfg.get("optimized_metric"), plan.settings.directions
    if not isinstance(metric, str) and not OmegaConf.is_list(metric):
        got = "is not set" if metric is None else f"is {metric}"
        raise SweepError(
            f"optimized_metric {got}: expected the name of a metric that the model logs, "
            "such as val/acc_best."
        )
    n_metrics = 1 if isinstance(metric, str) else len(metric)
    if n_metrics != len(directions):
        raise SweepError(
            f"optimized_metric names {n_metrics} metrics, hydra.sweeper.direction has {len(directions)}: "
            "expected one direction for each metric."
        )


def _check_trainer(trainer: Any) -> None:
    if not OmegaConf.is_dict(trainer):
        raise SweepError(f"trainer: expected a _target_ and its arguments, got {trainer}.")
    for name in WHOLE:
        value = trainer.get(name)
        if value is not None and not (isinstance(value, int | float) and float(value).is_integer()):
            raise SweepError(f"trainer.{name}: expected a whole number, got {value}.")
    devices = trainer.get("devices", "auto")
    if not isinstance(devices, int | str) and not OmegaConf.is_list(devices):
        raise SweepError(f"trainer.devices: expected a number, a list of numbers, or auto, got {devices}.")


def _check_devices(trainer: DictConfig, gpus: int | None) -> None:
    accelerator, devices = str(trainer.get("accelerator", "auto")), trainer.get("devices", "auto")
    if gpus is None or not (accelerator in GPU or (accelerator == "auto" and gpus)):
        return
    if not gpus:
        raise SweepError(
            f"trainer.accelerator={accelerator}: this machine shows no GPU "
            "(nvidia-smi, CUDA_VISIBLE_DEVICES). Set trainer.accelerator=cpu or auto."
        )
    if _count(devices) > gpus:
        raise SweepError(f"trainer.devices={devices}: expected at most {gpus}, the GPUs of each worker.")


def _check_ranks(trainer: DictConfig, gpus: int | None) -> None:
    """Each task of a job is a rank of the trial: Lightning could not start them from within a worker."""
    launcher = HydraConfig.get().launcher
    tasks, nodes = launcher.get("tasks_per_node") or 1, launcher.get("nodes") or 1
    devices, on_nodes = _count(trainer.get("devices", 1)), trainer.get("num_nodes", 1)
    if str(trainer.get("devices")) in ("auto", "-1") and trainer.get("accelerator") != "cpu":
        devices = gpus or 1
    if (tasks, nodes) != (devices, on_nodes) and max(tasks, nodes, devices, on_nodes) > 1:
        also = f" hydra.launcher.nodes={on_nodes}" if max(nodes, on_nodes) > 1 else ""
        raise SweepError(
            f"trainer.devices={devices} on num_nodes={on_nodes}, but hydra.launcher.tasks_per_node={tasks} "
            f"on nodes={nodes}: expected the same, for each device of a trial is a task of its job. "
            f"Set hydra.launcher.tasks_per_node={devices}{also}."
        )


def _count(devices: Any) -> int:
    """How many GPUs Lightning would take; 1 where it takes what there is."""
    if isinstance(devices, int):
        return max(devices, 1)
    if isinstance(devices, str):
        return int(devices) if devices.isdigit() else max(1, len(devices.strip(",").split(",")))
    return len(devices)


def _check_limits(cfg: DictConfig) -> None:
    trainer = cfg.trainer
    for unit in ("epochs", "steps"):
        least, most = trainer.get(f"min_{unit}"), trainer.get(f"max_{unit}")
        if least is not None and most not in (None, -1) and least > most:
            raise SweepError(
                f"trainer.min_{unit}={least} is more than trainer.max_{unit}={most}: "
                "the trials could not end as asked."
            )
    endless = trainer.get("max_epochs") == -1 and trainer.get("max_steps") in (None, -1)
    if endless and not trainer.get("max_time") and not _callbacks(cfg, "EarlyStopping"):
        raise SweepError(
            "trainer.max_epochs=-1 without max_steps, max_time or early stopping: no trial would end."
        )


def _check_anything_is_done(cfg: DictConfig) -> None:
    """In the layout of lightning-hydra-template `train` and `test` say what is done."""
    if cfg.trainer.get("barebones") and "optimized_metric" in cfg:
        raise SweepError("trainer.barebones=true: Lightning then logs nothing, no optimized_metric either.")
    if cfg.get("test") is not False or "train" not in cfg:
        return
    if not cfg.train:
        raise SweepError("train=false test=false: there is nothing to optimise. Set one of them to true.")
    for name in ("max_epochs", "max_steps", "limit_train_batches"):
        if cfg.trainer.get(name) == 0 and not cfg.trainer.get("fast_dev_run"):
            raise SweepError(f"trainer.{name}=0: nothing would be trained, and test=false.")


def _check_early_stopping(cfg: DictConfig) -> None:
    interval = cfg.trainer.get("val_check_interval")
    for name, node in _callbacks(cfg, "EarlyStopping").items():
        if not isinstance(interval, int | float | None) and node.get("check_on_train_epoch_end") is None:
            raise SweepError(
                f"trainer.val_check_interval={interval} is a time: early stopping has to be told when "
                f"to look. Set callbacks.{name}.check_on_train_epoch_end=false."
            )


def _check_watched(cfg: DictConfig) -> None:
    """What is optimised, or stops a training, must be of a part of it that takes place."""
    never = {"val": _never_validated(cfg.trainer)}
    if cfg.get("test") is False:
        never["test"] = "test=false"
    if cfg.get("train") is False:
        never["train"] = never["val"] = "train=false"
    for key, metric in _watched(cfg):
        part = OF_PART.match(str(metric))
        if part and (why := never.get(part[1])):
            raise SweepError(f"{key}={metric}: with {why} it would never be logged.")


def _watched(cfg: DictConfig) -> Iterator[tuple[str, Any]]:
    metrics = cfg.get("optimized_metric")
    for metric in [metrics] if isinstance(metrics, str) else metrics or ():
        yield "optimized_metric", metric
    if cfg.get("train") is not False:
        for name, node in _callbacks(cfg, "EarlyStopping").items():
            if node.get("strict") is False:
                continue  # it waits
            yield f"callbacks.{name}.monitor", node.get("monitor")


def _never_validated(trainer: DictConfig) -> str | None:
    every, epochs = trainer.get("check_val_every_n_epoch"), trainer.get("max_epochs")
    if trainer.get("fast_dev_run"):
        return None
    if trainer.get("limit_val_batches") == 0:
        return f"trainer.limit_val_batches={trainer.limit_val_batches}"
    if every and epochs and 0 < epochs < every:
        return f"trainer.check_val_every_n_epoch={every} and trainer.max_epochs={epochs}"
    return None


def _check_modes(cfg: DictConfig, plan: Plan) -> None:
    """What watches the metric of the sweep must want of it what the sweep wants."""
    for name, node in _callbacks(cfg, "EarlyStopping", "ModelCheckpoint").items():
        want = plan.settings.directions[0][:3]
        if node.get("monitor") == cfg.get("optimized_metric") and node.get("mode", "min") != want:
            raise SweepError(
                f"callbacks.{name}.mode={node.get('mode', 'min')}: expected {want}, for the sweep is to "
                f"{plan.settings.directions[0]} {node.monitor}, which it watches."
            )


def _callbacks(cfg: DictConfig, *classes: str) -> dict[str, DictConfig]:
    nodes = cfg.get("callbacks") or {}
    return {
        name: node
        for name, node in nodes.items()
        if node and str(node.get("_target_")).rpartition(".")[2] in classes
    }
