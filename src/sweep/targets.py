"""The classes that a configuration names."""

from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

from omegaconf import DictConfig, OmegaConf


def import_targets(cfg: DictConfig) -> None:
    """Imports the module of every `_target_`, once for all the trials that will be forked."""
    for target in targets(OmegaConf.to_container(cfg)):
        with suppress(ImportError):  # a class in a class, say; the trial will say what is wrong
            import_module(target.rpartition(".")[0])


def targets(node: Any) -> Iterator[str]:
    """Every `_target_` below a plain node."""
    if isinstance(node, dict):
        if isinstance(target := node.get("_target_"), str):
            yield target
        node = list(node.values())
    if isinstance(node, list):
        for child in node:
            yield from targets(child)
