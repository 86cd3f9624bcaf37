"""The training core: what `src/train.py` and `src/eval.py` run."""

import logging
import os
import secrets
import warnings
import zlib
from pathlib import Path
from typing import Any

import lightning
import torch
from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.environments import (
    ClusterEnvironment,
    LightningEnvironment,
    TorchElasticEnvironment,
)
from omegaconf import DictConfig, ListConfig, OmegaConf
from optuna import Trial

from src.callbacks.resume import Resume
from src.sweep.queue import attempt_of
from src.sweep.trial import current_trial
from src.utils.metrics import metric_value
from src.utils.resume_file import resume_file

log = logging.getLogger(__name__)

# Hydra's handlers show Lightning's messages: its own would show them twice.
logging.getLogger("lightning").handlers.clear()

# parts of the configuration that are logged as hyperparameters
LOGGED = ("model", "data", "trainer", "callbacks", "task_name", "tags", "ckpt_path", "seed")


def train(cfg: DictConfig) -> float | list[float] | None:
    """Trains, and tests with the best checkpoint, as `configs/train.yaml` says.

    Returns the value of the metric `optimized_metric` (a list of values for a list of names), or
    None where none is asked for. Raises ConfigurationError where the model does not log it.

    A sweep's trial that was put back goes on from where it was.
    """
    seed_everything(cfg)
    datamodule: LightningDataModule = make(cfg.data)
    model: LightningModule = make(cfg.model)
    loggers = make_each(cfg.get("logger"))
    callbacks, ckpt_path = make_each(cfg.get("callbacks")), cfg.ckpt_path
    trial = current_trial()
    if cfg.train and trial:
        path = resume_file(cfg.paths.output_dir)
        callbacks.insert(0, Resume(path))
        ckpt_path = interrupted(trial, path) or ckpt_path
        for checkpoint in (one for one in callbacks if isinstance(one, ModelCheckpoint)):
            # What a killed attempt left under a name would have the next use last-v1.ckpt, and stay stale.
            checkpoint._enable_version_counter = False
    own = {}
    if trial:
        own["plugins"] = with_environment(cfg.trainer.get("plugins"))
        warnings.filterwarnings("ignore", "The `srun` command is available")  # on a login node
    trainer: Trainer = make(cfg.trainer, logger=loggers, callbacks=callbacks, **own)
    log_hyperparameters(cfg, model, trainer)

    if cfg.train:
        trainer.fit(model, datamodule, ckpt_path=ckpt_path, weights_only=True)
        ckpt_path = getattr(trainer.checkpoint_callback, "best_model_path", None) or None
    metrics = dict(trainer.callback_metrics)
    if cfg.test:
        trainer.test(model, datamodule, ckpt_path=ckpt_path, weights_only=True)
    return metric_values(metrics, cfg.optimized_metric)


def evaluate(cfg: DictConfig) -> None:
    """Tests the checkpoint `ckpt_path` and prints the metrics."""
    if not Path(cfg.ckpt_path).is_file():
        raise FileNotFoundError(f"ckpt_path={cfg.ckpt_path}: there is no such checkpoint.")
    seed_everything(cfg)
    datamodule: LightningDataModule = make(cfg.data)
    model: LightningModule = make(trained_model(cfg))
    trainer: Trainer = make(cfg.trainer, logger=make_each(cfg.get("logger")))
    log_hyperparameters(cfg, model, trainer)
    trainer.test(model, datamodule, ckpt_path=cfg.ckpt_path, weights_only=True)


def with_environment(node: DictConfig | ListConfig | str | None) -> list[Any]:
    """The trainer's plugins for a trial, whose ranks torchrun's variables tell of. Left to find out,
    Lightning would take one inside SLURM for a job of its own, which it would requeue."""
    given = make(node) if OmegaConf.is_config(node) else node
    plugins = given if isinstance(given, list) else [given] if given else []
    if not any(isinstance(plugin, ClusterEnvironment) for plugin in plugins):
        elastic = TorchElasticEnvironment.detect()
        plugins.append(TorchElasticEnvironment() if elastic else LightningEnvironment())
    return plugins


def interrupted(trial: Trial, path: Path) -> Path | None:
    """The checkpoint at `path`, if an earlier attempt at the trial left it whole; any other is removed."""
    if attempt := attempt_of(trial):
        # ModelCheckpoint cannot know that its files are its own.
        warnings.filterwarnings("ignore", "Checkpoint directory .* exists and is not empty")
        try:
            checkpoint = torch.load(path, map_location="cpu", weights_only=True)
            log.info("Attempt %d goes on at step %d, from %s", attempt + 1, checkpoint["global_step"], path)
            trial.set_user_attr("step", checkpoint["global_step"])
            return path
        except FileNotFoundError:
            log.info("Attempt %d begins anew: there is no %s", attempt + 1, path)
        except Exception as error:
            log.warning("Attempt %d begins anew: %s cannot be read (%s)", attempt + 1, path, error)
    path.unlink(missing_ok=True)
    return None


def seed_everything(cfg: DictConfig) -> None:
    seed = cfg.seed
    if seed is None and current_trial() and TorchElasticEnvironment.detect():
        # The ranks of a trial draw alike, for each takes its share of one order of the data.
        seed = zlib.crc32(os.environ["TORCHELASTIC_RUN_ID"].encode())
    if seed is None:
        # Not seeded means anew: the trials of one worker are forks and would draw alike.
        seed = secrets.randbits(32)
    lightning.seed_everything(seed, workers=True, verbose=False)


def make(node: DictConfig, **kwargs: Any) -> Any:
    # Plain lists and dicts: OmegaConf's would be pickled into checkpoints, past weights_only=True.
    return instantiate(node, _convert_="all", **kwargs)


def make_each(nodes: DictConfig | None) -> list[Any]:
    """The objects of a group such as `callbacks`; a node set to null is left out."""
    return [make(node) for node in (nodes or {}).values() if node and "_target_" in node]


def log_hyperparameters(cfg: DictConfig, model: LightningModule, trainer: Trainer) -> None:
    """Logs what distinguishes this run; not its folder, in which every run differs from every other."""
    plain = OmegaConf.to_container(cfg, resolve=True)
    hparams = {name: plain[name] for name in LOGGED if name in plain}
    hparams["model/params/total"] = sum(p.numel() for p in model.parameters())
    hparams["model/params/trainable"] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    for logger in trainer.loggers:
        logger.log_hyperparams(without_folder(hparams, cfg.paths.output_dir))


def without_folder(node: Any, folder: str) -> Any:
    """The plain node without the entries that name something in the folder."""
    if not isinstance(node, dict):
        return node
    return {
        key: without_folder(value, folder)
        for key, value in node.items()
        if not (isinstance(value, str) and value.startswith(folder))
    }


def metric_values(metrics: dict[str, Any], names: str | ListConfig | None) -> float | list[float] | None:
    """The values of the named metrics, out of what the model logged."""
    if names is None:
        return None
    if not isinstance(names, str):
        return [metric_values(metrics, name) for name in names]
    return metric_value(metrics, names)


def trained_model(cfg: DictConfig) -> DictConfig:
    """The model that was trained: the run folder of the checkpoint says, else `cfg.model`.

    What the command line says of the model comes first.
    """
    saved = Path(cfg.ckpt_path).resolve().parents[1] / ".hydra" / "config.yaml"
    said = HydraConfig.initialized() and HydraConfig.get().overrides.task
    if not saved.is_file() or any(o.lstrip("+~").startswith("model") for o in said or ()):
        return cfg.model
    log.info("The model is that of %s", saved)
    return OmegaConf.load(saved).model
