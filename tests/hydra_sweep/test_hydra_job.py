"""A trial's job is what Hydra's own would be: its files, what the task and callbacks are given, and the
rest."""

import logging
import os
from dataclasses import dataclass, field
from logging.handlers import MemoryHandler
from pathlib import Path

import pytest
from hydra import compose, initialize
from hydra._internal.callbacks import Callbacks
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import run_job
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf, open_dict, read_write

from hydra_sweep.hydra_job import rehearse, run_hydra_job
from hydra_sweep.processes import in_fork
from hydra_sweep.space.compose import in_force


@dataclass
class Net:
    size: int = 8
    twice: str = "${net.size}${net.size}"


@dataclass
class Typed:
    net: Net = field(default_factory=Net)
    where: str = "${hydra:runtime.output_dir}"
    open: str = "???"


class Buffer(MemoryHandler):
    """Holds what is logged until it is flushed."""

    def __init__(self) -> None:
        super().__init__(100, flushLevel=logging.CRITICAL, target=logging.NullHandler())


class Told(Callbacks):
    """Notes what a callback is told."""

    def __init__(self) -> None:
        super().__init__()
        self.notes = []

    def on_job_start(self, config: DictConfig, *, task_function) -> None:
        self.notes += [OmegaConf.to_container(config), list(config)]

    def on_job_end(self, config: DictConfig, job_return) -> None:
        self.notes += [OmegaConf.to_container(config), job_return.status, repr(job_return._return_value)]
        self.notes.append(any(one.buffer for one in buffers))


buffers: list[Buffer] = []


def seen(cfg: DictConfig) -> dict:
    """All that a task can see of its job."""
    buffers.append(Buffer())
    buffers[-1].emit(logging.makeLogRecord({"msg": "here", "levelno": logging.INFO}))
    with open_dict(cfg):
        flags = OmegaConf.is_struct(cfg), OmegaConf.is_readonly(cfg)
        cfg.mine = 1  # which callbacks are not to see
    hydra = HydraConfig.get()
    return {
        "config": OmegaConf.to_container(cfg, resolve=True, throw_on_missing=False),
        "type": OmegaConf.get_type(cfg),
        "flags": flags,
        "hydra": OmegaConf.to_container(hydra),
        "is readonly": OmegaConf.is_readonly(hydra),
        "folder": os.getcwd(),
        "environment": {key: os.environ.get(key) for key in ("MINE", "HOME")},
    }


def fails(cfg: DictConfig) -> None:
    raise ValueError("no net")


def by_hydra(task, config: DictConfig, told: Told):
    context = HydraContext(config_loader=None, callbacks=told)
    return run_job(task, config, "hydra.sweep.dir", "hydra.sweep.subdir", context)


def by_us(task, config: DictConfig, told: Told):
    return run_hydra_job(task, in_force(config), told)


def rehearsed(task, config: DictConfig, told: Told):
    rehearse(config)
    return by_us(task, config, told)


def outcome(run, task, config: DictConfig, folder: Path) -> dict:
    told = Told()
    job = run(task, config, told)
    files = {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*.yaml")}
    for path in folder.rglob("*.yaml"):
        path.unlink()
    returned = job._return_value
    return {
        "files": files,
        "told": told.notes,
        "returned": repr(returned),
        "status": job.status,
        "overrides": job.overrides,
        "working_dir": job.working_dir,
        "task_name": job.task_name,
        "cfg": OmegaConf.to_container(job.cfg),
        "hydra_cfg": OmegaConf.to_container(job.hydra_cfg),
        "folder after": os.getcwd(),
        "variable after": os.environ.get("MINE"),
    }


@pytest.mark.parametrize("task", [seen, fails])
@pytest.mark.parametrize(
    "overrides",
    [
        [],
        ["net.size=16", "open=1"],
        ["+texts=[yes,'1_0','2:30',null,'0x1f',1e3,'1e3','~','a: b','é',' x','${net.size}', '']"],
        ["+long='" + "a word or two, and then: some # more; " * 6 + "'", "+keys={1:a,true:b,2.5:c}"],
        ["hydra.job.chdir=true"],
        ["hydra.output_subdir=null"],
        ["hydra.output_subdir=notes/of/it"],
        ["hydra.output_subdir=''"],
        ["+texts=['no UTF-8: \udc80']"],
        ["+hydra.job.env_set.MINE=1"],
        ["hydra.job_logging.root.level=ERROR", "hydra.verbose=[a]"],
    ],
    ids=str,
)
@pytest.mark.parametrize("version", ["1.1", "1.3"])
@pytest.mark.filterwarnings("ignore:(?s).*(version_base|working directory)")
def test_it_is_as_hydras(task, overrides, version, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    ConfigStore.instance().store("typed", Typed)
    with initialize(version_base=version):
        config = compose("typed", overrides=overrides, return_hydra_config=True)
        with read_write(config.hydra), open_dict(config.hydra):
            config.hydra.sweep.dir, config.hydra.sweep.subdir = str(tmp_path / "sweep"), "3"
            config.hydra.runtime.output_dir = str(tmp_path / "sweep" / "3")
            config.hydra.job.num = 3
        # each in a process of its own, whose logging they configure
        ways = by_us, rehearsed, by_hydra
        ours, with_rehearsal, hydras = (in_fork(outcome, way, task, config, tmp_path) for way in ways)
    assert ours == with_rehearsal == hydras
    assert ours["files"] or overrides == ["hydra.output_subdir=null"]


def test_a_rehearsal_asks_no_resolver(tmp_path):
    asked = []
    OmegaConf.register_new_resolver("next_number", lambda: asked.append(1) or len(asked), replace=True)
    with initialize(version_base="1.3"):
        overrides = ["+run='${next_number:}'", "hydra.sweep.subdir='${next_number:}'"]
        rehearse(compose(overrides=overrides, return_hydra_config=True))
    assert not asked
