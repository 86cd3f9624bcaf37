"""What a composed configuration names must be there, as far as that is seen without importing it."""

import os
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from hydra_sweep.errors import SweepError
from hydra_sweep.space.targets import targets
from hydra_sweep.study.trial_folder import NAME_MAX

# of a target, looked into in any case
OURS = __name__.partition(".")[0]


def check_composed(cfg: DictConfig, root: Path) -> None:
    """Raises SweepError where a module that a `_target_` names, or a value that it needs, is not there, or
    where a plain value has taken the place of what a config group is to fill.
    `root` is of the application's code."""
    task = {key: value for key, value in OmegaConf.to_container(cfg).items() if key != "hydra"}
    for target in targets(task):
        if not module_exists(target, root):
            raise SweepError(f"_target_={target}: there is no such module.")
    if len(os.fsencode(f"{cfg.hydra.job.name}.log")) > NAME_MAX:
        raise SweepError(f"hydra.job.name: it names a file, and is too long: {cfg.hydra.job.name[:40]}…")
    _check_groups(cfg)
    if unset := list(_unset(task)):
        raise SweepError(f"{', '.join(unset)}: expected a value, got ??? (not set).")


def _check_groups(cfg: DictConfig) -> None:
    """Of groups that fill a node of another name: a group of its own name Hydra knows for one."""
    for group in OmegaConf.select(cfg, "hydra.runtime.choices") or {}:
        node = group.partition("@")[2]
        is_node = node and not node.startswith(("hydra", "_"))
        value = OmegaConf.select(cfg, node, throw_on_resolution_failure=False) if is_node else None
        if value is not None and not OmegaConf.is_dict(value):
            raise SweepError(f"{node}={value}: this is filled by a config group. Choose {group}=…")


def module_exists(path: str, root: Path) -> bool:
    """Whether the module of a dotted path is there; of libraries only the package, whose modules may be
    made when it is imported."""
    top, *parts = path.split(".")
    spec = _find_spec(top)
    if spec is None:
        return top in sys.modules
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    if top != OURS and not any(_is_the_applications(folder, root) for folder in folders):
        return True
    while parts and any((folder / parts[0]).is_dir() for folder in folders):
        folders = [folder / parts[0] for folder in folders if (folder / parts[0]).is_dir()]
        parts = parts[1:]
    if parts and any(any(folder.glob(f"{parts[0]}.*")) for folder in folders):
        parts = parts[1:]
    # what follows the module is one name, or one in a class
    return len(parts) == 1 or (len(parts) > 1 and parts[0][:1].isupper())


def _is_the_applications(folder: Path, root: Path) -> bool:
    return folder.is_relative_to(root) and "site-packages" not in folder.parts


def _find_spec(module: str) -> Any:
    try:
        return find_spec(module)
    except (ImportError, ValueError):
        return None


def _unset(node: Any, path: str = "") -> Iterator[str]:
    """The keys without a value beside a `_target_`, which could not be called."""
    if isinstance(node, dict):
        if "_target_" in node:
            yield from (f"{path}{key}" for key, value in node.items() if value == "???")
        for key, child in node.items():
            yield from _unset(child, f"{path}{key}.")
