"""One run of a task as a Hydra job, in a process and with a configuration that are its own."""

import copy
import os
from contextlib import chdir, nullcontext
from pathlib import Path

import yaml
from hydra._internal.callbacks import Callbacks
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import (
    JobReturn,
    JobRuntime,
    JobStatus,
    _flush_loggers,
    configure_log,
    env_override,
)
from hydra.types import TaskFunction
from hydra.version import base_at_least
from omegaconf import DictConfig, OmegaConf
from omegaconf._utils import OmegaConfDumper


class _Dumper(getattr(yaml, "CDumper", yaml.Dumper)):
    """OmegaConf's, in C."""


_Dumper.add_representer(str, OmegaConfDumper.str_representer)


def run_hydra_job(task_function: TaskFunction, config: DictConfig, callbacks: Callbacks) -> JobReturn:
    """Does what `hydra.core.utils.run_job` of Hydra 1.3 does; the output folder is that of the
    configuration, which stays in force.

    That copies Hydra's part of the configuration four times and writes YAML in Python, which takes half of
    the time that a job needs to begin.
    """
    folder = Path(config.hydra.runtime.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    job = JobReturn(overrides=OmegaConf.to_container(config.hydra.overrides.task))
    job.cfg, job.hydra_cfg = _apart(config)
    HydraConfig.instance().cfg = job.hydra_cfg
    changes_folder = config.hydra.job.chdir
    if changes_folder is None:
        changes_folder = not base_at_least("1.2")
    with chdir(folder) if changes_folder else nullcontext():
        job.working_dir = str(folder) if changes_folder else os.getcwd()
        configure_log(config.hydra.job_logging, config.hydra.verbose)
        if config.hydra.output_subdir is not None:
            _save(folder / config.hydra.output_subdir, job)
        with env_override(config.hydra.job.env_set):
            callbacks.on_job_start(config=config, task_function=task_function)
            try:
                job.return_value, job.status = task_function(job.cfg), JobStatus.COMPLETED
            except Exception as error:
                job.return_value, job.status = error, JobStatus.FAILED
        job.task_name = JobRuntime.instance().get("name")
        _flush_loggers()
        callbacks.on_job_end(config=config, job_return=job)
    return job


def rehearse(config: DictConfig) -> None:
    """Makes what a job would save, and throws it away: so that this process has done it once before."""
    for part in _apart(config):
        _as_yaml(part)


def _apart(config: DictConfig) -> tuple[DictConfig, DictConfig]:
    """A copy of the task's part, and Hydra's, which is for reading only, as it is."""
    whole = dict(config._content)
    hydra = config._content.pop("hydra")
    of_task = copy.deepcopy(config)
    config.__dict__["_content"] = whole
    of_hydra = DictConfig({})
    of_hydra._content["hydra"] = hydra  # whose parent stays the whole, as HydraConfig.set_config sees to
    return of_task, of_hydra


def _save(folder: Path, job: JobReturn) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, part in (("config", job.cfg), ("hydra", job.hydra_cfg), ("overrides", job.overrides)):
        (folder / f"{name}.yaml").write_text(_as_yaml(part), encoding="utf-8")


def _as_yaml(part: DictConfig | list[str]) -> str:
    plain = part if isinstance(part, list) else OmegaConf.to_container(part, enum_to_str=True)
    try:
        return yaml.dump(plain, Dumper=_Dumper, allow_unicode=True, sort_keys=False)
    except UnicodeEncodeError:  # of a path that is no UTF-8, which the one in Python escapes
        return OmegaConf.to_yaml(part)
