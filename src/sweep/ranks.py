"""A trial of several tasks: the ranks of one job, launched side by side by submitit or srun.

Rank 0's worker claims trials and tells their results. The others follow it through the study: the trial's
attribute `ranks` says where they meet, and in `rank <n>` each leaves how its part ended.
"""

import os
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import optuna
import psutil
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from src.sweep.outcome import Outcome
from src.sweep.queue import attempt_of

MEETING = "ranks"
KILLED = "killed"


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
        """Sets torchrun's variables, but for those of the meeting: any PyTorch program knows them, and
        Lightning takes them before SLURM's. To be done before anything of these is imported.

        https://docs.pytorch.org/docs/stable/elastic/run.html#environment-variables
        """
        os.environ |= {
            "RANK": str(self.rank),
            "LOCAL_RANK": str(self.local_rank),
            "GROUP_RANK": str(self.node),
            "WORLD_SIZE": str(self.n_tasks),
            "LOCAL_WORLD_SIZE": str(self.per_node),
            "TORCHELASTIC_RUN_ID": "sweep",
        }

    def meeting(self, attempt: int) -> dict[str, Any]:
        """Where the ranks of a trial's attempt are to meet: a port of this host, rank 0's."""
        with socket.socket() as listener:
            listener.bind(("", 0))
            port = listener.getsockname()[1]
        return {"attempt": attempt, "address": self._address(), "port": port}

    def sibling_died(self) -> bool:
        """Whether another task of this node has ended. srun sees to the other nodes' (KILL_BAD_EXIT)."""
        with suppress(psutil.NoSuchProcess):
            siblings = psutil.Process(os.getppid()).children()
            zombie = psutil.STATUS_ZOMBIE
            return sum(one.is_running() and one.status() != zombie for one in siblings) < self.per_node
        return True

    def _address(self) -> str:
        if self.n_nodes == 1:
            return "127.0.0.1"
        with suppress(OSError):
            return socket.gethostbyname(self.first_host)
        return socket.gethostname()


def meeting_of(trial: FrozenTrial) -> dict[str, Any] | None:
    """Where the ranks of the trial's present attempt meet; None where rank 0 has not said yet."""
    meeting = trial.user_attrs.get(MEETING)
    return meeting if meeting and meeting["attempt"] == attempt_of(trial) else None


def go_to(meeting: dict[str, Any]) -> None:
    os.environ |= {"MASTER_ADDR": meeting["address"], "MASTER_PORT": str(meeting["port"])}


def leave_word(study: optuna.Study, claimed: FrozenTrial, rank: int, outcome: Outcome | None) -> None:
    """Lets rank 0 know how another rank's part of the trial ended; None: it was killed."""
    word = {
        "attempt": attempt_of(claimed),
        "state": outcome.state.name if outcome else KILLED,
        "reason": outcome.reason if outcome else None,
    }
    with suppress(UpdateFinishedTrialError):  # rank 0 has told meanwhile
        study._storage.set_trial_user_attr(claimed._trial_id, f"rank {rank}", word)


def words(trial: FrozenTrial, n_tasks: int) -> dict[int, dict[str, Any]]:
    """What the other ranks of the trial's present attempt have said, by rank."""
    said = {rank: trial.user_attrs.get(f"rank {rank}") for rank in range(1, n_tasks)}
    return {rank: word for rank, word in said.items() if word and word["attempt"] == attempt_of(trial)}


def bad_news(said: dict[int, dict[str, Any]]) -> tuple[int, dict[str, Any]] | None:
    """The rank whose part was killed, or else failed first of all, with what it said."""
    for state in (KILLED, TrialState.FAIL.name):
        for rank, word in sorted(said.items()):
            if word["state"] == state:
                return rank, word
    return None
