"""What an application leaves to Hydra and a sweep must know: the study's name, its folder, its launcher.

Each is filled in as an override, which trials and workers get too.
"""

import os
import re
from pathlib import Path

from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.core.utils import JobRuntime
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from hydra_sweep.space.compose import given_overrides
from hydra_sweep.supervisor.interpolations import is_of_a_job

NAME = "hydra.sweeper.study_name"
FOLDER = "hydra.sweep.dir"
LAUNCHER = "hydra/launcher"
# one or more times in a row, as in Hydra's own multirun/${now:%Y-%m-%d}/${now:%H-%M-%S}
DATED = re.compile(r"\$\{now:[^}]*\}([-_/T ]*\$\{now:[^}]*\})*")


def fill_in(config: DictConfig, loader: ConfigLoader) -> None:
    """Has the study be named after the job, its folder after the study where the time would be part of it
    (the same command could not go on), and the launcher be ours where it is Hydra's default."""
    if config.hydra.sweeper.study_name is None:
        override(config, NAME, _job_name(config))
    folder = OmegaConf.to_container(config.hydra.sweep, resolve=False)["dir"]
    if "${now:" in folder and "study_name" not in folder and not _is_given(config, FOLDER):
        override(config, FOLDER, DATED.sub(f"${{{NAME}}}", folder))
    if config.hydra.runtime.choices[LAUNCHER] == "basic" and not _is_given(config, LAUNCHER):
        _choose_launcher(config, loader, "local")


def _is_given(config: DictConfig, key: str) -> bool:
    return any(_sets(line, key) for line in given_overrides(config, "hydra"))


def folder_of(config: DictConfig) -> Path:
    """The sweep's."""
    return Path(os.path.abspath(Path(config.hydra.sweep.dir).expanduser()))


def pin(config: DictConfig) -> None:
    """Has every trial and worker find the sweep's name and folder as they are here, whatever the working
    directory, the hour, or the parameters that these are made of."""
    override(config, FOLDER, str(folder_of(config)))
    override(config, NAME, str(config.hydra.sweeper.study_name))


def _job_name(config: DictConfig) -> str:
    """Of the application, where each job has one of its own."""
    try:
        name = config.hydra.job.name
    except OmegaConfBaseException:  # for it needs a job's number
        return JobRuntime.instance().get("name")
    return JobRuntime.instance().get("name") if is_of_a_job(name) else name


def override(config: DictConfig, key: str, value: str) -> None:
    """Sets a value of the sweep's for its trials and workers too."""
    with open_dict(config):
        OmegaConf.update(config, key, value)
        kept = [line for line in given_overrides(config, "hydra") if not _sets(line, key)]
        quoted = QuotedString(value, Quote.single).with_quotes()
        config.hydra.overrides.hydra = [*kept, f"{key}={quoted}"]


def _sets(line: str, key: str) -> bool:
    return line.lstrip("+").startswith(f"{key}=")


def _choose_launcher(config: DictConfig, loader: ConfigLoader, name: str) -> None:
    with open_dict(config):
        config.hydra.overrides.hydra.append(f"{LAUNCHER}={name}")
        given = [line for kind in ("hydra", "task") for line in given_overrides(config, kind)]
        composed = loader.load_configuration(config.hydra.job.config_name, given, RunMode.MULTIRUN)
        config.hydra.launcher = composed.hydra.launcher
        config.hydra.runtime.choices[LAUNCHER] = name
