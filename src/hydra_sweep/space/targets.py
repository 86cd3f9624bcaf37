"""The classes that a configuration names."""

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from importlib import import_module
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hydra_sweep.errors import SweepError, unknown

# keys beside `_target_` that are Hydra's, not arguments
HYDRAS_OWN = ("_target_", "_partial_", "_args_", "_recursive_", "_convert_")


def import_targets(cfg: DictConfig) -> None:
    """Imports every `_target_`, once for all the trials that will be forked."""
    for target in targets(OmegaConf.to_container(cfg)):
        module, _, name = target.rpartition(".")
        with suppress(ImportError):  # a class in a class, say; the trial will say what is wrong
            getattr(import_module(module), name, None)  # which a package may import when asked for it


def targets(node: Any) -> Iterator[str]:
    """Every `_target_` below a plain node."""
    return (one["_target_"] for _, one in target_nodes(node))


def target_nodes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node with a `_target_` below a plain node, with the path to it. Without those whose target is
    an interpolation."""
    if isinstance(node, dict):
        if isinstance(target := node.get("_target_"), str) and "${" not in target:
            yield path, node
        children = node.items()
    else:
        children = enumerate(node) if isinstance(node, list) else ()
    for key, child in children:
        yield from target_nodes(child, f"{path}.{key}" if path else str(key))


def wrong_argument(target: Callable, node: Mapping[str, Any]) -> SweepError | None:
    """The error for a key of the node that is no argument of its target. None also where that takes any,
    or where Python does not know what it takes."""
    try:
        parameters = inspect.signature(target).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    valid = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    wrong = [str(key) for key in node if key not in (*valid, *HYDRAS_OWN)]
    return unknown("argument", wrong[0], valid) if wrong else None
