"""The training core: what `src/train.py` and `src/eval.py` run."""

import logging
import os
import secrets
import warnings
import zlib
from pathlib import Path
from typing import Any

import lightning
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import instantiate
from lightning import LightningDataModule, LightningModule, Trainer
from lightning.pytorch.plugins.environments import (
    TorchElasticEnvironment,
)
from lightning.pytorch.utilities import rank_zero
from omegaconf import DictConfig, ListConfig, OmegaConf

from hydra_sweep import current_trial
from hydra_sweep.lightning import metric_value, resume

log = logging.getLogger(__name__)

# Hydra's handlers show Lightning's messages: its own would show them twice.
logging.getLogger("lightning").handlers.clear()
# Nothing of what a run does: advertisement, and what Lightning has still to change for today's torch.
logging.getLogger(rank_zero.__name__).addFilter(lambda record: "💡" not in record.getMessage())
warnings.filterwarnings("ignore", ".*LeafSpec.* is deprecated", FutureWarning)

# parts of the configuration that are logged as hyperparameters
LOGGED = ("model", "data", "trainer", "callbacks", "task_name", "tags", "ckpt_path", "seed")
# keys that an evaluation does not take from the run that it evaluates
OF_EVALUATION = {"task_name", "extra_name", "tags", "logger", "ckpt_path"}


def train(cfg: DictConfig) -> float | list[float] | None:
    """Trains, and tests with the best checkpoint, as `configs/train.yaml` says.

    Returns the value of the metric `optimized_metric` (a list of values for a list of names), or None
    where there is none. Raises ConfigurationError where a sweeper waits for it and the model does not log
    it.

    A sweep's trial that was put back goes on from where it was.
    """
    seed_everything(cfg)
    datamodule: LightningDataModule = make(cfg.data)
    model: LightningModule = make(cfg.model)
    loggers, callbacks = make_each(cfg.get("logger")), make_each(cfg.get("callbacks"))
    trainer: Trainer = make(cfg.trainer, logger=loggers or False, callbacks=callbacks)
    ckpt_path = cfg.ckpt_path
    only_weights = is_foreign(ckpt_path)
    start = resume(trainer, ckpt_path) if cfg.train else None
    log_hyperparameters(cfg, model, trainer)
    if cfg.train:
        trainer.fit(model, datamodule, ckpt_path=start, weights_only=is_foreign(start))
        ckpt_path = getattr(trainer.checkpoint_callback, "best_model_path", None) or None
        only_weights = False
    metrics = dict(trainer.callback_metrics)
    if cfg.test:
        trainer.test(model, datamodule, ckpt_path=ckpt_path, weights_only=only_weights)
        metrics |= trainer.callback_metrics
    if not is_asked_for() and not are_logged(metrics, cfg.optimized_metric):
        return None
    values = metric_values(metrics, cfg.optimized_metric)
    log.info("%s: %s", cfg.optimized_metric, values)
    return values


def evaluate(cfg: DictConfig) -> None:
    """Tests the checkpoint `ckpt_path`, with what made its run, and prints the metrics."""
    if not Path(cfg.ckpt_path).is_file():
        raise FileNotFoundError(f"ckpt_path={cfg.ckpt_path}: there is no such checkpoint.")
    cfg = of_the_run(cfg)
    seed_everything(cfg)
    datamodule: LightningDataModule = make(cfg.data)
    model: LightningModule = make(cfg.model)
    trainer: Trainer = make(cfg.trainer, logger=make_each(cfg.get("logger")) or False)
    log_hyperparameters(cfg, model, trainer)
    trainer.test(model, datamodule, ckpt_path=cfg.ckpt_path, weights_only=is_foreign(cfg.ckpt_path))


def is_foreign(checkpoint: str | Path | None) -> bool:
    """Whether no run wrote the checkpoint, so that it is loaded with `weights_only`.

    One that a run wrote may hold what the model was made of (`save_hyperparameters`). It is trusted as
    the configuration beside it is, which names the code to call.
    """
    return checkpoint is not None and not run_config(checkpoint).is_file()


def run_config(checkpoint: str | Path) -> Path:
    """The configuration of the run that wrote the checkpoint, if a run did."""
    return Path(checkpoint).resolve().parent.parent / ".hydra" / "config.yaml"


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


def is_asked_for() -> bool:
    """Whether a sweeper waits for what the training returns. Hydra's own looks at no value."""
    return HydraConfig.initialized() and HydraConfig.get().runtime.choices.get("hydra/sweeper") != "basic"


def are_logged(metrics: dict[str, Any], names: str | ListConfig | None) -> bool:
    return {*([names] if isinstance(names, str) else names or ())} <= metrics.keys()


def metric_values(metrics: dict[str, Any], names: str | ListConfig | None) -> float | list[float] | None:
    """The values of the named metrics, out of what the model logged."""
    if names is None:
        return None
    if not isinstance(names, str):
        return [metric_values(metrics, name) for name in names]
    return metric_value(metrics, names)


def of_the_run(cfg: DictConfig) -> DictConfig:
    """The configuration of the run that wrote the checkpoint `ckpt_path`, as its folder has it, with what
    an evaluation has of its own, and what its command line says; `cfg` where the folder has none."""
    saved = run_config(cfg.ckpt_path)
    if not saved.is_file():
        return cfg
    log.info("Model, data, trainer and seed are those of %s", saved)
    run = OmegaConf.load(saved)
    for key in OF_EVALUATION & cfg.keys():
        run[key] = cfg[key]
    said = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    for override in OverridesParser.create().parse_overrides(list(said)):
        node = override.package or override.key_or_group
        if override.is_delete():
            OmegaConf.update(run, node, None)
        elif OmegaConf.is_dict(cfg.get(node)):  # it chose a config group
            run[node] = cfg[node]
        else:
            OmegaConf.update(run, node, override.value(), force_add=True)
    return run
