import logging
import os
import re
import shlex
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from hydra.core.utils import JobReturn

from hydra_sweep.errors import SweepError
from hydra_sweep.launcher.base import WatchedLauncher
from hydra_sweep.launcher.state import Job, JobState

log = logging.getLogger(__name__)

# https://slurm.schedmd.com/squeue.html#SECTION_JOB-STATE-CODES; all others live
ENDED = {
    *("BOOT_FAIL", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED"),
    *("REVOKED", "TIMEOUT"),
}
HELD = {"REQUEUE_HOLD", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
RUNNING = {"RUNNING", "COMPLETING", "SUSPENDED", "STOPPED", "SIGNALING", "STAGE_OUT"}
# of sbatch: nothing is wrong with the job
PASSING = re.compile(
    "unable to contact|timed out|temporarily|try again|connect failure|connection failure|in standby"
    "|receive failure|send failure|zero bytes|rate limit|authentication error",
    re.I,
)
# sbatch --test-only refuses for nodes that are only drained or down, where sbatch itself would queue
NOT_NOW = "Requested node configuration is not available"
PATIENCE_S = 60
# which code runs, also where the cluster's sbatch passes on no variables
CODE = ("PROJECT_ROOT", "PYTHONPATH", "PYTHONSAFEPATH")
# of a job that the supervisor itself may run in, and that its workers are not part of
OF_A_JOB = re.compile("(SLURM|SLURMD|SRUN|SUBMITIT)_(?!CONF|CLUSTERS)")
# the least time, in seconds, that a worker is to have from its start until it is told that its time is over
LEAST_S = 45


class SlurmLauncher(WatchedLauncher):
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
        self.is_silent = False

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

    def check(self, first: bool) -> None:
        if not shutil.which("sbatch"):
            raise SweepError(
                "hydra/launcher=slurm: there is no sbatch here. Run it on a login node of the cluster, "
                "or use hydra/launcher=local."
            )
        self._check_options()
        if not first:  # those that are there may be all that the user may submit
            return
        script = self._executor()._executor._make_submission_file_text("true", "check")
        with _outside_of_a_job():
            said = _run(["sbatch", "--test-only"], input=script)
        if said.returncode and NOT_NOW not in said.stderr and not PASSING.search(said.stderr):
            raise SweepError(_refused(said.stderr))

    def submit(
        self, job_overrides: Sequence[Sequence[str]], places: Sequence[int], at_once: int
    ) -> list[str]:
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        self.params["array_parallelism"] = min(at_once, self.params.get("array_parallelism") or at_once)
        try:
            with _outside_of_a_job():
                return super().submit(job_overrides, places, at_once)
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

    def _check_options(self) -> None:
        """What SLURM would accept, and a sweep cannot live with."""
        get, launcher = self.params.get, "hydra.launcher"
        if "clusters" in (get("additional_parameters") or {}):
            raise SweepError(
                f"{launcher}.additional_parameters.clusters: squeue would be asked of another cluster. "
                "Leave it out, and first: export SLURM_CLUSTERS=<name>"
            )
        if get("use_srun") is False:
            raise SweepError(
                f"{launcher}.use_srun=false: the signal before the time limit would reach no worker. "
                "Expected true."
            )
        if get("gpus_per_task") and (get("tasks_per_node") or 1) > 1:
            raise SweepError(
                f"{launcher}.gpus_per_task={get('gpus_per_task')} shows each rank one GPU alone, "
                f"and Lightning wants each to see all of its node's. Set {launcher}.gpus_per_node instead."
            )
        time_left = 60 * (get("timeout_min") or 60) - (get("signal_delay_s") or 0)
        if time_left < LEAST_S:
            raise SweepError(
                f"{launcher}.timeout_min={get('timeout_min')} with signal_delay_s={get('signal_delay_s')} "
                f"leaves a worker {time_left} s: expected at least {LEAST_S}, or it would train nothing."
            )

    def _parameters(self) -> dict[str, Any]:
        own = [
            # From 22.05 on srun does not take this from sbatch (its RELEASE_NOTES).
            '[ -z "$SLURM_CPUS_PER_TASK" ] || export SRUN_CPUS_PER_TASK=$SLURM_CPUS_PER_TASK',
            "export SLURM_EXPORT_ENV=ALL",  # to srun, where sbatch was to export nothing
            "export SLURM_KILL_BAD_EXIT=1",  # a rank that dies ends the others, which would wait for it
            *(f"export {name}={shlex.quote(os.environ[name])}" for name in CODE if name in os.environ),
        ]
        return {**super()._parameters(), "setup": [*own, *(self.params.get("setup") or [])]}

    def _ask(self, job_ids: Sequence[str]) -> None:
        """Asks squeue, once for all jobs. Where it does not answer, all is as it was, but for death, which
        is to be told twice in a row."""
        arrays = sorted({job_id.partition("_")[0] for job_id in job_ids})
        command = ["squeue", "--noheader", "--array", "--me", "--states=all", "--format=%i|%T|%r"]
        said = _run([*command, f"--jobs={','.join(arrays)}"]) if arrays else None
        self.asked_at = time.monotonic()
        # It forgets a job some minutes after its end, and of one alone says that its id is invalid.
        answered = said is not None and (said.returncode == 0 or "Invalid job id" in said.stderr)
        self.is_silent = bool(arrays) and not answered
        listed = dict(map(_parse, said.stdout.splitlines())) if answered else {}
        unheard = Job(JobState.ENDED, "not in squeue") if answered else None
        before = {job_id: job for job_id, job in self.answers.items() if job.alive}
        self.answers = {
            job_id: listed.get(job_id)
            or unheard
            or before.get(job_id, Job(JobState.RUNNING, "no answer of squeue"))
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
    elif word in HELD or re.search("requeued.*held", reason):  # not by a user's scontrol hold
        state = JobState.HELD
    why = "" if reason in ("None", "") else f" ({reason})"
    return job_id, Job(state, f"{word}{why}")


def _requeue() -> None:
    """Unless the job was cancelled, which was perhaps why the worker was told to stop."""
    job_id = os.environ["SLURM_JOB_ID"]
    state = _run(["squeue", "--noheader", "--format=%T", f"--jobs={job_id}"]).stdout.strip()
    if state not in ("RUNNING", ""):
        log.info("Not requeued: the job is %s", state)
        return
    said = _run(["scontrol", "requeue", job_id])
    if said.returncode:  # not allowed here: the supervisor starts another
        log.warning("scontrol requeue: %s", _last_line(said.stderr))


@contextmanager
def _outside_of_a_job() -> Iterator[None]:
    before = dict(os.environ)
    for name in filter(OF_A_JOB.match, before):
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(before)


def _run(command: Sequence[str], **kwargs: Any) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, **kwargs)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]}: no answer in {PATIENCE_S} s")


def _refused(said: str) -> str:
    partitions = " ".join(_run(["sinfo", "--noheader", "--format=%R"]).stdout.split())
    hint = "Set hydra.launcher.*"
    if "partition" in said.lower() and partitions:
        hint = f"Partitions: {partitions}. {hint}"
    if "array" in said.lower():
        hint = "It has a limit: lower hydra.sweeper.n_jobs (n_trials, with wait=false trials_per_job)."
    return f"sbatch refuses the job: {_last_line(said)}. {hint}"


def _last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1].rstrip(".") if lines else "it says nothing"
