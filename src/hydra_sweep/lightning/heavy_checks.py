"""What a configuration names must be there: classes, their arguments, Lightning's strategies. Imports all
of it, so a sweep has this done by `prepare`, in a process of its own."""

from typing import Any

from hydra._internal.utils import _locate  # hydra.utils.get_object also logs what it does not find
from lightning.pytorch.accelerators import AcceleratorRegistry
from lightning.pytorch.strategies import StrategyRegistry
from omegaconf import DictConfig, OmegaConf

from hydra_sweep.errors import SweepError, nearest, unknown
from hydra_sweep.space.targets import target_nodes, wrong_argument


def check_targets(cfg: DictConfig) -> None:
    """Raises SweepError where a `_target_` cannot be imported, a key beside it is no argument of it, or the
    trainer's strategy or accelerator is none that Lightning knows."""
    task = {key: value for key, value in OmegaConf.to_container(cfg).items() if key != "hydra"}
    for path, node in target_nodes(task):
        if wrong := wrong_argument(_found(path, node["_target_"]), node):
            raise SweepError(f"{path}: {wrong}")
    # After the targets: a module of the user may register its own.
    _check_name(cfg.trainer, "strategy", ["auto", *StrategyRegistry.available_strategies()])
    _check_name(cfg.trainer, "accelerator", ["auto", "gpu", *AcceleratorRegistry.available_accelerators()])


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


def _check_name(trainer: DictConfig, key: str, valid: list[str]) -> None:
    got = trainer.get(key)
    if isinstance(got, str) and got.lower() not in valid:
        raise unknown(f"trainer.{key}", got, valid)
