import os
import site
import sys
import sysconfig
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.plugins import Plugins
from hydra.core.singleton import Singleton
from hydra.core.utils import JobReturn, setup_globals
from hydra_plugins.hydra_submitit_launcher.submitit_launcher import BaseSubmititLauncher

from hydra_sweep.errors import SweepError
from hydra_sweep.hydra_job import run_hydra_job
from hydra_sweep.launcher.parts import Part
from hydra_sweep.launcher.state import Job
from hydra_sweep.processes import detached
from hydra_sweep.space.compose import as_job

# keys of submitit's that every cluster has; others are the executor's own
SHARED = {
    *("timeout_min", "cpus_per_task", "gpus_per_node", "tasks_per_node", "mem_gb", "nodes", "name"),
    "stderr_to_stdout",
}
# the least of each number
LEAST = {
    **{"timeout_min": 1, "signal_delay_s": 0, "cpus_per_task": 1},
    **{"gpus_per_node": 1, "tasks_per_node": 1, "nodes": 1},
}


class WatchedLauncher(BaseSubmititLauncher):
    """hydra-submitit-launcher, for jobs that are to be watched.

    Like any launcher it runs jobs and waits for them (`launch`). A sweep's supervisor starts jobs
    without waiting (`submit`), asks how they are (`look`) and ends them (`cancel`), by job ids that
    are as good in a later supervisor.
    """

    # whether the jobs share this machine's CPUs, rather than having their own by the cluster
    jobs_share_machine: bool
    # how old an answer of `look` may be; two that follow each other later than this are two answers
    answer_age_s = 0.0
    # whether `look`, when it last asked, was given no answer
    is_silent = False

    def __call__(
        self, overrides: Sequence[str], _: str, number: int, __: str, singletons: Mapping[str, Any]
    ) -> JobReturn:
        """In the job: does what hydra-submitit-launcher does, which calls its jobs like that, in a third of
        the time."""
        import submitit

        # A fork has them already; Hydra would look through all that is installed for them again.
        instances = {**singletons["instances"], Plugins: Plugins.instance()}
        Singleton.set_state({**singletons, "instances": instances})
        setup_globals()
        config = self.hydra_context.config_loader.load_sweep_config(self.config, list(overrides))
        as_job(config, number, submitit.JobEnvironment().job_id)
        return run_hydra_job(self.task_function, config, self.hydra_context.callbacks)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        jobs = self._submit(job_overrides, range(initial_job_idx, initial_job_idx + len(job_overrides)))
        try:
            return [job.results()[0] for job in jobs]
        except BaseException:
            self.cancel([job.job_id for job in jobs])
            raise

    def submit(
        self, job_overrides: Sequence[Sequence[str]], places: Sequence[int], at_once: int
    ) -> list[str]:
        """Starts the jobs, where they queue no more than `at_once` side by side, and returns their ids
        at once; none where that cannot be done just now. The place of a job is which of those side by
        side it is, from 0. Raises SweepError where the jobs are refused."""
        return [job.job_id for job in self._submit(job_overrides, places)]

    def check(self, first: bool) -> None:
        """Raises SweepError where the jobs could never be started; `first` where none of the sweep's has
        been yet."""

    def check_numbers(self) -> None:
        """Raises SweepError where a number of the configuration is none."""
        for name, least in LEAST.items():
            value = self.params.get(name, least)
            is_set = value is not None or name == "timeout_min"
            if is_set and (not isinstance(value, int) or value < least):
                raise SweepError(
                    f"hydra.launcher.{name}: expected a whole number from {least} up, got {value!r}."
                )

    @abstractmethod
    def look(self, job_ids: Sequence[str]) -> dict[str, Job]:
        """How each of the jobs is. One that nothing was heard of is as it was before: no answer is
        not death."""

    @abstractmethod
    def cancel(self, job_ids: Sequence[str], force: bool = False) -> None:
        """Asks the jobs to end (SIGTERM); with `force` kills them and all that they started. Those
        that have not begun never do."""

    @abstractmethod
    def gpus_per_job(self) -> int | None:
        """How many GPUs each job will see; None where that is not known."""

    def _own_overrides(self, place: int) -> list[str]:
        """Overrides for the job of that place alone."""
        return []

    def _parameters(self) -> dict[str, Any]:
        return dict(self.params)

    def _executor(self) -> Any:
        import submitit

        params = self._parameters()
        own = {"max_num_timeout": params.pop("max_num_timeout")} if "max_num_timeout" in params else {}
        executor = submitit.AutoExecutor(
            folder=params.pop("submitit_folder"),
            cluster=self._EXECUTOR,
            **{f"{self._EXECUTOR}_{key}": value for key, value in own.items()},
        )
        executor.update_parameters(
            **{key if key in SHARED else f"{self._EXECUTOR}_{key}": params[key] for key in params}
        )
        return executor

    def _submit(self, job_overrides: Sequence[Sequence[str]], places: Sequence[int]) -> list[Any]:
        Path(str(self.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
        launcher, singletons = Part.each(self, Singleton.get_state())
        own = [self._own_overrides(place) for place in places]
        calls = [
            ([*overrides, *its_own], "hydra.sweep.dir", place, f"job_id_for_{place}", singletons)
            for place, overrides, its_own in zip(places, job_overrides, own, strict=True)
        ]
        with _importing_alike(), detached():
            executor = self._executor()
            if calls:
                self._foresee(job_overrides[0], own[0], launcher.pickled)
            return executor.map_array(launcher, *zip(*calls, strict=True))

    def _foresee(self, overrides: Sequence[str], own: Sequence[str], pickled: bytes) -> None:
        """Does beforehand what would be alike in the jobs, where that spares them something."""


@contextmanager
def _importing_alike() -> Iterator[None]:
    """What is started here imports from where this process does: the folder of the application's script,
    and what the application has put there."""
    before = os.environ.get("PYTHONPATH")
    given = filter(None, (before or "").split(os.pathsep))
    paths = map(os.path.abspath, [*given, *filter(_is_the_applications, sys.path)])
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(paths))
    try:
        yield
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _is_the_applications(path: str) -> bool:
    """Whether Python would not look there by itself."""
    of_python = [*sysconfig.get_paths().values(), site.getusersitepackages()]
    inside = any(Path(path).is_relative_to(one) for one in of_python)
    return os.path.exists(path) and not inside
