"""A trial of several tasks: the ranks of one job, launched side by side by submitit or srun.

Rank 0's worker claims trials and tells their results. The others follow it through the study: the trial's
attribute `rendezvous` says where they meet, and in `rank <n>` each leaves how its part ended.
"""

import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from src.sweep.outcome import Outcome
from src.sweep.queue import attempt_of

RENDEZVOUS = "rendezvous"
KILLED, FINE = "killed", "fine"


@dataclass(frozen=True)
class Rank:
    """This process among the tasks of its job."""

    rank: int
    local_rank: int
    node: int
    n_tasks: int
    n_nodes: int
    # of the first node, or none
    first_host: str

    @classmethod
    def here(cls) -> "Rank":
        import submitit

        job = submitit.JobEnvironment()
        return cls(
            job.global_rank, job.local_rank, job.node, job.num_tasks, job.num_nodes, job.hostnames[0]
        )

    @property
    def alone(self) -> bool:
        return self.n_tasks == 1

    @property
    def per_node(self) -> int:
        return self.n_tasks // self.n_nodes

    def announce(self) -> None:
        """Sets torchrun's variables, but for those of the rendezvous: any PyTorch program knows them, and
        Lightning takes them before SLURM's. To be done before anything of these is imported.

        https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables
        """
        os.environ |= {
            "RANK": str(self.rank),
            "LOCAL_RANK": str(self.local_rank),
            "GROUP_RANK": str(self.node),
            "WORLD_SIZE": str(self.n_tasks),
            "LOCAL_WORLD_SIZE": str(self.per_node),
        }

    def rendezvous(self, attempt: int, port: int) -> dict[str, Any]:
        """Where the ranks of a trial's attempt are to meet: a port of this host, rank 0's."""
        own = {"attempt": attempt, "run": run_of_job(), "id": secrets.token_hex(8)}
        return {**own, "address": self._address(), "port": port}

    def _address(self) -> str:
        if self.n_nodes == 1:
            return "127.0.0.1"
        # Its name, for its number may be another on each node: 127.0.1.1 on itself, on Debian.
        with suppress(OSError):
            socket.gethostbyname(self.first_host)
            return self.first_host
        return socket.gethostname()


def reserve_port() -> socket.socket:
    """A socket that is bound to a free port, which nobody is given then but who asks for that one and
    means to share it (SO_REUSEADDR), as PyTorch does."""
    reserved = socket.socket()
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reserved.bind(("", 0))
    return reserved


def rendezvous_of(trial: FrozenTrial) -> dict[str, Any] | None:
    """Where the ranks of the trial's present attempt meet; None where rank 0 has not said yet, or
    before this job was requeued."""
    now = {"attempt": attempt_of(trial), "run": run_of_job()}
    rendezvous = trial.user_attrs.get(RENDEZVOUS)
    return rendezvous if rendezvous and rendezvous.items() >= now.items() else None


def run_of_job() -> str:
    """A requeued job keeps its id."""
    return os.environ.get("SLURM_RESTART_COUNT") or "0"


def join_rendezvous(rendezvous: dict[str, Any]) -> None:
    os.environ |= {
        "MASTER_ADDR": rendezvous["address"],
        "MASTER_PORT": str(rendezvous["port"]),
        "TORCHELASTIC_RUN_ID": rendezvous["id"],
    }


def to_report(outcome: Outcome | None, why_killed: str = "") -> dict[str, Any]:
    """What a rank says of how its part of a trial ended; the outcome None: it was killed."""
    if outcome is None:
        return {"state": KILLED, "reason": why_killed}
    if not outcome.is_error:
        return {"state": FINE}
    return {"state": outcome.state.name, "at": outcome.at, **outcome.attrs()}


def leave_report(study: optuna.Study, claimed: FrozenTrial, rank: int, report: dict[str, Any]) -> None:
    """Lets rank 0 know of another rank's part of the trial."""
    report = {"attempt": attempt_of(claimed), **report}
    with suppress(UpdateFinishedTrialError):  # rank 0 has told meanwhile
        study._storage.set_trial_user_attr(claimed._trial_id, f"rank {rank}", report)


def reports(trial: FrozenTrial, n_tasks: int, attempt: int) -> dict[int, dict[str, Any]]:
    """What the other ranks have said of that attempt at the trial, by rank."""
    said = {rank: trial.user_attrs.get(f"rank {rank}") for rank in range(1, n_tasks)}
    return {rank: report for rank, report in said.items() if report and report["attempt"] == attempt}


def first_failure(said: dict[int, dict[str, Any]]) -> tuple[int, dict[str, Any]] | None:
    """The rank whose part was killed, or else was the first to raise an error, with what it said.

    A part that was killed or has failed makes those of the others fail; that failing makes one be
    killed is rare.
    """
    for rank, report in sorted(said.items()):
        if report["state"] == KILLED:
            return rank, report
    if raised := {rank: report for rank, report in said.items() if report["state"] != FINE}:
        return min(raised.items(), key=lambda item: item[1]["at"])
    return None


def from_report(rank: int, report: dict[str, Any]) -> Outcome | None:
    """The trial's outcome where that rank has the bad news; None: it is to be run again."""
    if report["state"] == KILLED:
        return None
    return Outcome(
        TrialState[report["state"]],
        reason=f"rank {rank}: {report['reason']}",
        traceback=report.get("traceback"),
        mistake="mistake" in report,
    )
