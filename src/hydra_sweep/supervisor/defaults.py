"""What an application leaves to Hydra and a sweep must know: the study's name, its folder, its launcher.

Each is filled in as an override, which trials and workers get too.
"""

import re

from hydra.core.config_loader import ConfigLoader
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict

from hydra_sweep.space.compose import given_overrides

NAME = "hydra.sweeper.study_name"
LAUNCHER = "hydra/launcher"
# one or more times in a row, as in Hydra's own multirun/${now:%Y-%m-%d}/${now:%H-%M-%S}
DATED = re.compile(r"\$\{now:[^}]*\}([-_/T ]*\$\{now:[^}]*\})*")


def fill_in(config: DictConfig, loader: ConfigLoader) -> None:
    """Has the study be named after the job, its folder after the study where the time would be part of it
    (the same command could not go on), and the launcher be ours where it is Hydra's default."""
    if config.hydra.sweeper.study_name is None:
        _override(config, NAME, config.hydra.job.name)
    folder = OmegaConf.to_container(config.hydra.sweep, resolve=False)["dir"]
    if "${now:" in folder and "study_name" not in folder and not _is_given(config, "hydra.sweep.dir"):
        _override(config, "hydra.sweep.dir", DATED.sub(f"${{{NAME}}}", folder))
    if config.hydra.runtime.choices[LAUNCHER] == "basic" and not _is_given(config, LAUNCHER):
        _choose_launcher(config, loader, "local")


def _is_given(config: DictConfig, key: str) -> bool:
    return any(line.lstrip("+").startswith(f"{key}=") for line in given_overrides(config, "hydra"))


def _override(config: DictConfig, key: str, value: str) -> None:
    quoted = value.replace("'", r"\'")
    with open_dict(config):
        OmegaConf.update(config, key, value)
        config.hydra.overrides.hydra.append(f"{key}='{quoted}'")


def _choose_launcher(config: DictConfig, loader: ConfigLoader, name: str) -> None:
    with open_dict(config):
        config.hydra.overrides.hydra.append(f"{LAUNCHER}={name}")
        given = [line for kind in ("hydra", "task") for line in given_overrides(config, kind)]
        composed = loader.load_configuration(config.hydra.job.config_name, given, RunMode.MULTIRUN)
        config.hydra.launcher = composed.hydra.launcher
        config.hydra.runtime.choices[LAUNCHER] = name
