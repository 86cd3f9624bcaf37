import logging
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Sequence
from typing import Any

from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher

from hydra_plugins.sweep_launcher.base import SweepLauncher
from src.sweep.errors import SweepError
from src.sweep.jobs import Job, JobState

log = logging.getLogger(__name__)

# https://slurm.schedmd.com/squeue.html#SECTION_JOB-STATE-CODES; all others live
ENDED = {
    *("BOOT_FAIL", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
    *("REVOKED", "TIMEOUT"),
}
RUNNING = {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"}
# of sbatch: nothing is wrong with the job
PASSING = re.compile("unable to contact|timed out|temporarily|try again|connect failure|in standby", re.I)
# sbatch --test-only refuses for nodes that are only drained or down, where sbatch itself would queue
NOT_NOW = "Requested node configuration is not available"
PATIENCE_S = 60
# which code runs, also where the cluster's sbatch passes on no variables
CODE = ("PROJECT_ROOT", "PYTHONPATH", "PYTHONSAFEPATH")


class SlurmLauncher(SweepLauncher, Launcher):
    """`hydra/launcher=slurm`: SLURM jobs, watched by `squeue`, which needs no accounting.

    A worker that says there is more to do, at its time limit or when preempted, is requeued: the
    same job, on any node, from its start.
    """

    _EXECUTOR = "slurm"
    jobs_share_machine = False
    answer_age_s = 3.0

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self.answers: dict[str, Job] = {}
        self.wanted: set[str] = set()  # of whom was asked since
        self.asked_at = 0.0

    def __call__(self, *args: Any) -> JobReturn:
        """In the job: runs the worker, and the job again where there is more to do."""
        returned = super().__call__(*args)
        if returned.return_value is True:
            _requeue()
        return returned

    def gpus_per_job(self) -> int | None:
        per_node, per_task = self.params.get("gpus_per_node"), self.params.get("gpus_per_task")
        tasks = self.params.get("tasks_per_node") or 1
        return per_node or (per_task * tasks if per_task else None)

    def check(self) -> None:
        if not shutil.which("sbatch"):
            raise SweepError(
                "hydra/launcher=slurm: there is no sbatch here. Run it on a login node of the cluster, "
                "or use hydra/launcher=local."
            )
        script = self._executor()._executor._make_submission_file_text("true", "check")
        said = _run(["sbatch", "--test-only"], input=script)
        if said.returncode and NOT_NOW not in said.stderr:
            raise SweepError(_refused(said.stderr))

    def submit(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int, at_once: int
    ) -> list[str]:
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        self.params["array_parallelism"] = min(at_once, self.params.get("array_parallelism") or at_once)
        try:
            return super().submit(job_overrides, initial_job_idx, at_once)
        except (FailedJobError, FailedSubmissionError) as error:
            if not PASSING.search(str(error)):
                raise SweepError(_refused(str(error))) from None
            log.warning("sbatch: %s", _last_line(str(error)))
            return []

    def look(self, job_ids: Sequence[str]) -> dict[str, Job]:
        self.wanted.update(job_ids)
        old = time.monotonic() - self.asked_at > self.answer_age_s
        if old or not self.answers.keys() >= set(job_ids):
            self._ask(sorted(self.wanted))
            self.wanted = set(job_ids)
        return {job_id: self.answers[job_id] for job_id in job_ids}

    def cancel(self, job_ids: Sequence[str], force: bool = False) -> None:
        if not job_ids:
            return
        if force:
            _run(["scancel", *job_ids])
            return
        _run(["scancel", "--state=PENDING", *job_ids])
        # Without the signal scancel would kill what has not ended after the cluster's KillWait.
        _run(["scancel", "--state=RUNNING", "--signal=TERM", *job_ids])

    def _parameters(self) -> dict[str, Any]:
        own = [
            # From 22.05 on srun does not take this from sbatch (its RELEASE_NOTES).
            '[ -z "$SLURM_CPUS_PER_TASK" ] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK',
            "export SLURM_KILL_BAD_EXIT=1",  # a rank that dies ends the others, which would wait for it
            *(f"export {name}={shlex.quote(os.environ[name])}" for name in CODE if name in os.environ),
        ]
        return {**super()._parameters(), "setup": [*own, *(self.params.get("setup") or [])]}

    def _ask(self, job_ids: Sequence[str]) -> None:
        """Asks squeue, once for all jobs. Where it does not answer, all is as it was."""
        arrays = sorted({job_id.partition("_")[0] for job_id in job_ids})
        command = ["squeue", "--noheader", "--array", "--states=all", "--format=%i|%T|%r"]
        said = _run([*command, f"--jobs={','.join(arrays)}"]) if arrays else None
        self.asked_at = time.monotonic()
        # It forgets a job some minutes after its end, and of one alone says that its id is invalid.
        answered = said is not None and (said.returncode == 0 or "Invalid job id" in said.stderr)
        listed = dict(map(_parse, said.stdout.splitlines())) if answered else {}
        unheard = Job(JobState.ENDED, "not in squeue") if answered else None
        self.answers = {
            job_id: listed.get(job_id)
            or unheard
            or self.answers.get(job_id, Job(JobState.RUNNING, "no answer of squeue"))
            for job_id in job_ids
        }


def _parse(line: str) -> tuple[str, Job]:
    job_id, word, reason = line.strip().split("|", 2)
    state = JobState.QUEUED
    if word in RUNNING:
        state = JobState.RUNNING
    elif word == "CANCELLED":
        state = JobState.CANCELLED
    elif word in ENDED:
        state = JobState.ENDED
    why = "" if reason in ("None", "") else f" ({reason})"
    return job_id, Job(state, f"{word}{why}")


def _requeue() -> None:
    said = _run(["scontrol", "requeue", os.environ["SLURM_JOB_ID"]])
    if said.returncode:  # not allowed here: the supervisor starts another
        log.warning("scontrol requeue: %s", _last_line(said.stderr))


def _run(command: Sequence[str], **kwargs: Any) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, **kwargs)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]}: no answer in {PATIENCE_S} s")


def _refused(said: str) -> str:
    partitions = " ".join(_run(["sinfo", "--noheader", "--format=%R"]).stdout.split())
    valid = f" Partitions: {partitions}." if "partition" in said.lower() and partitions else ""
    return f"sbatch refuses the job: {_last_line(said)}.{valid} Set hydra.launcher.*"


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it says nothing"
