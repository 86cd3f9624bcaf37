"""Hydra's own conformance tests of a launcher, and what a sweep asks of ours beyond."""

import os
import pickle
import signal
import time
from pathlib import Path

import cloudpickle
import pytest
from hydra._internal.callbacks import Callbacks
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.utils import create_config_search_path
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.test_utils.launcher_common_tests import IntegrationTestSuite, LauncherTestSuite
from hydra.types import HydraContext, RunMode
from hydra.version import _UNSPECIFIED_, VersionBase
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.hydra_sweep.launchers import LocalLauncher
from hydra_sweep.fork_server import ForkServer
from hydra_sweep.launcher import forked_job, local
from hydra_sweep.launcher.base import WatchedLauncher
from hydra_sweep.launcher.parts import Part
from hydra_sweep.processes import fork
from hydra_sweep.space.compose import JobLoader
from hydra_sweep.worker.siblings import Siblings
from tests.processes import lives

# submitit's processes leave their log files to the garbage collector
pytestmark = pytest.mark.filterwarnings(
    "ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


def test_hydra_finds_the_launcher():
    found = Plugins.instance().discover(Launcher)
    assert LocalLauncher.__qualname__ in [plugin.__qualname__ for plugin in found]


@pytest.fixture(autouse=True)
def of_no_application(monkeypatch):
    """Hydra remembers the `version_base` of whatever ran in this process before."""
    monkeypatch.setattr(VersionBase.instance(), "version_base", _UNSPECIFIED_)


@pytest.mark.parametrize(("launcher_name", "overrides"), [("local", [])])
class TestLocalLauncher(LauncherTestSuite):
    pass


@pytest.mark.parametrize(("task_launcher_cfg", "extra_flags"), [({}, ["-m", "hydra/launcher=local"])])
class TestLocalLauncherIntegration(IntegrationTestSuite):
    pass


@pytest.fixture
def launcher(tmp_path: Path) -> LocalLauncher:
    launcher = LocalLauncher(submitit_folder=str(tmp_path / "workers"), timeout_min=10)
    config = OmegaConf.create({"hydra": {"sweep": {"dir": str(tmp_path)}}})
    launcher.setup(hydra_context=None, task_function=None, config=config)
    return launcher


def alive(launcher: LocalLauncher, ids: list[str]) -> set[str]:
    return {job_id for job_id, job in launcher.look(ids).items() if job.alive}


def wait_until(condition, seconds: float = 20) -> bool:
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


def test_jobs_are_watched_and_ended_by_id(launcher, tmp_path, monkeypatch):
    monkeypatch.setattr(LocalLauncher, "__call__", lambda self, *args: time.sleep(60))
    ids = launcher.submit([["a=1"], ["a=2"]], places=[0, 1], at_once=2)
    assert len(set(ids)) == 2
    assert alive(launcher, [*ids, "1", str(os.getpid())]) == set(ids)
    launcher.cancel(ids[:1], force=True)
    assert wait_until(lambda: alive(launcher, ids) == {ids[1]})
    launcher.cancel(ids, force=True)
    assert wait_until(lambda: not alive(launcher, ids))


def test_a_job_that_is_yet_to_begin_ends_with_its_process(launcher, tmp_path, monkeypatch):
    file = tmp_path / "job"

    def begin(self, *args):
        file.write_text(f"{os.getpid()}\n")
        time.sleep(60)

    def submitits(own_id: str | None) -> None:
        os.environ["SUBMITIT_LOCAL_JOB_ID"] = own_id or str(os.getpid())
        os.waitpid(fork(launcher), 0)

    monkeypatch.setattr(WatchedLauncher, "__call__", begin)
    # of one that was killed before
    os.waitpid(fork(submitits, "1"), 0)
    assert not file.exists()
    # and now
    process = fork(submitits, None)
    assert wait_until(lambda: file.exists() and file.read_text().endswith("\n"))
    job = int(file.read_text())
    assert lives(job)
    os.kill(process, signal.SIGKILL)
    os.waitpid(process, 0)
    assert wait_until(lambda: not lives(job))


def of_sweep(tmp_path: Path, *overrides: str) -> tuple[JobLoader, DictConfig, list[str]]:
    """What a launcher's jobs are composed by, of what, and with which overrides."""
    (tmp_path / "small.yaml").write_text("seed: 0")
    loader = ConfigLoaderImpl(create_config_search_path(str(tmp_path)))
    given = [f"hydra.sweep.dir={tmp_path}", "hydra.sweep.subdir=job", *overrides]
    config = loader.load_configuration("small.yaml", given, RunMode.MULTIRUN)
    return JobLoader(HydraContext(loader, Callbacks())), config, given


def family(cfg) -> int:
    return len(Siblings().processes)


def test_a_task_finds_the_others_however_late_they_start(launcher, tmp_path, monkeypatch):
    def slow(self, process) -> None:
        time.sleep(0.5)  # until the next is started
        self.process = process

    monkeypatch.setattr(forked_job._Task, "__init__", slow)
    loader, config, given = of_sweep(tmp_path)
    launcher.setup(hydra_context=HydraContext(loader, Callbacks()), task_function=family, config=config)
    launcher.params["tasks_per_node"] = 3
    launcher.fork_server = ForkServer(lambda: None)
    try:
        assert [job.return_value for job in launcher.launch([given], 0)] == [3]
    finally:
        launcher.fork_server.stop()


class Task:
    def get_ready(self) -> None:
        self.made_ready_in = os.getpid()

    def __call__(self, cfg) -> dict:
        return {"made ready in": self.made_ready_in, "ran in": os.getpid(), "seed": cfg.seed}


def test_what_jobs_have_alike_is_done_once_in_what_they_are_forks_of(
    launcher, tmp_path, monkeypatch, capfd
):
    launcher.fork_server = server = ForkServer(lambda: None)
    monkeypatch.setattr(launcher, "_own_overrides", lambda place: [f"seed={place}"])
    try:
        # a second time as workers that replace others, then as another study's
        for first, name in ((1, "sweep"), (3, "sweep"), (5, "confirm")):
            loader, config, given = of_sweep(tmp_path)
            context = HydraContext(loader, Callbacks())
            launcher.setup(hydra_context=context, task_function=Task(), config=config)
            launcher.params["name"] = name
            done = [job.return_value for job in launcher.launch([given, given], first)]
            assert [one["seed"] for one in done] == [first, first + 1]
            assert {one["made ready in"] for one in done} == {server.pid}
            assert len({server.pid, *(one["ran in"] for one in done)}) == 3
        assert cloudpickle.loads(cloudpickle.dumps(launcher)).fork_server is None
    finally:
        server.stop()
    assert capfd.readouterr() == ("", "")


def copied(cfg) -> dict:
    return dict(HydraConfig.get().job.env_set)


def test_variables_are_copied_in_the_job(launcher, tmp_path, monkeypatch):
    monkeypatch.setenv("SUBMITIT_LOCAL_GLOBALID", "the supervisor's")
    loader, config, given = of_sweep(tmp_path, "hydra.job.env_copy=[SUBMITIT_LOCAL_GLOBALID]")
    launcher.setup(hydra_context=HydraContext(loader, Callbacks()), task_function=copied, config=config)
    launcher.fork_server = ForkServer(lambda: None)
    try:
        [job] = launcher.launch([given], 0)
    finally:
        launcher.fork_server.stop()
    assert job.return_value == {"SUBMITIT_LOCAL_GLOBALID": "0"}


def test_what_jobs_share_stays_shared():
    both = {}
    first, second = (pickle.loads(pickle.dumps(one)) for one in Part.each([both, 1], [both, 2]))
    assert (first[1], second[1]) == (1, 2)
    assert first[0] is second[0]
    assert first[0] is not both


@pytest.mark.parametrize(
    ("visible", "expected"), [("2,3", ["2", "3"]), ("", []), ("-1", []), ("GPU-1a", ["GPU-1a"])]
)
def test_the_users_choice_of_gpus_is_respected(monkeypatch, visible, expected):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert local.visible_gpus() == expected


def test_gpus_are_dealt_out_one_a_job(launcher, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,7")
    key = "++hydra.job.env_set.CUDA_VISIBLE_DEVICES"
    dealt = [launcher._own_overrides(index) for index in range(3)]
    assert dealt == [[f"{key}='4'"], [f"{key}='7'"], [f"{key}='4'"]]
