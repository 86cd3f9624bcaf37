"""What a configuration names must be there: classes, their arguments, Lightning's strategies; and Lightning
must take the trainer. Imports all of it, so a sweep has this done by `prepare`, in a process of its own."""

import logging
import os
import warnings
from typing import Any

from hydra._internal.utils import _locate  # hydra.utils.get_object also logs what it does not find
from hydra.utils import instantiate
from lightning.pytorch.accelerators import AcceleratorRegistry
from lightning.pytorch.strategies import StrategyRegistry
from omegaconf import DictConfig, OmegaConf

from hydra_sweep.errors import SweepError, nearest, sentence, unknown
from hydra_sweep.lightning.checks import LIGHTNING
from hydra_sweep.space.targets import target_nodes, wrong_argument

# loggers of Lightning's that do nothing when they are made
LAZY = {"CSVLogger", "TensorBoardLogger", "WandbLogger"}


def check_targets(cfg: DictConfig) -> None:
    """Raises SweepError, which says all of it, where a `_target_` cannot be imported, a key beside it is no
    argument of it, or the trainer's strategy or accelerator is none that Lightning knows."""
    task = {key: value for key, value in OmegaConf.to_container(cfg).items() if key != "hydra"}
    wrong = [said for path, node in target_nodes(task) if (said := _wrong_target(path, node))]
    # After the targets: a module of the user may register its own.
    known = {
        "strategy": ["auto", *StrategyRegistry.available_strategies()],
        "accelerator": ["auto", "gpu", *AcceleratorRegistry.available_accelerators()],
    }
    wrong += [said for key, valid in known.items() if (said := _wrong_name(cfg.trainer, key, valid))]
    if wrong:
        raise SweepError(" ".join(wrong))


def _wrong_target(path: str, node: dict[str, Any]) -> str | None:
    try:
        wrong = wrong_argument(_found(path, node["_target_"]), node)
    except SweepError as error:
        return str(error)
    return f"{path}: {wrong}" if wrong else None


def check_trainer(cfg: DictConfig, gpus: int | None) -> None:
    """Raises SweepError where Lightning refuses the trainer, or one of its own callbacks or loggers, as for
    want of a package, in its own words.

    `gpus` is None where only the cluster knows them: then the devices are left to the trials.
    """
    if not _is_lightnings(cfg.trainer):
        return
    os.environ.pop("SLURM_NTASKS", None)  # as in a trial, which is no job of SLURM's
    plain = {"accelerator": "cpu", "devices": 1, "num_nodes": 1, "strategy": "auto"}
    callbacks = [
        _made(f"callbacks.{name}", node)
        for name, node in (cfg.get("callbacks") or {}).items()
        if OmegaConf.is_dict(node) and _is_lightnings(node)
    ]
    for name, node in (cfg.get("logger") or {}).items():
        if OmegaConf.is_dict(node) and str(node.get("_target_")).rpartition(".")[2] in LAZY:
            _made(f"logger.{name}", node)
    own = {"callbacks": callbacks, "logger": bool(cfg.get("logger"))}
    _made("trainer", cfg.trainer, **own, **(plain if gpus is None else {}))


def _is_lightnings(node: DictConfig) -> bool:
    """Those of the user may do something when they are made."""
    return str(node.get("_target_")).partition(".")[0] in LIGHTNING


def _made(path: str, node: DictConfig, **kwargs: Any) -> Any:
    says = logging.getLogger("lightning.pytorch")
    before = says.level
    says.setLevel(logging.ERROR)  # each trial will say it
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return instantiate(node, _convert_="all", **kwargs)
    except Exception as error:
        raise SweepError(f"{path}: {sentence(error.__cause__ or error)}") from None
    finally:
        says.setLevel(before)


def _found(path: str, target: str) -> Any:
    try:
        found = _locate(target)
    except Exception as error:  # whatever a module raises when it is imported
        said = " ".join(str(error.__cause__ or error).split())
        raise SweepError(f"{path}._target_={target}: {said}.{_near(target)}") from None
    if not callable(found):
        raise SweepError(
            f"{path}._target_={target}: expected a class or a function, got a {type(found).__name__}."
        )
    return found


def _near(target: str) -> str:
    """What the first name of the path that is not there may have been meant to be."""
    owner, _, name = target.rpartition(".")
    if not owner:
        return ""
    try:
        valid = dir(_locate(owner))
    except Exception:
        return _near(owner)
    return "" if name in valid else nearest(name, valid, f"{owner}.")


def _wrong_name(trainer: DictConfig, key: str, valid: list[str]) -> str | None:
    got = trainer.get(key)
    is_wrong = isinstance(got, str) and got.lower() not in valid
    return str(unknown(f"trainer.{key}", got, valid)) if is_wrong else None
