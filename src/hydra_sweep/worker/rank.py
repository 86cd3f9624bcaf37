"""A trial of several tasks: the ranks of one job, launched side by side by submitit or srun.

Rank 0's worker claims trials and tells their results. The others follow it through the study, whose
attribute of the trial `rendezvous` says where they meet.
"""

import os
import secrets
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial

from hydra_sweep.study.queue import attempt_of

RENDEZVOUS = "rendezvous"


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
