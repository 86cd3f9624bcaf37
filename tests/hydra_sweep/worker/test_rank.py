import socket

import optuna
import pytest
from optuna.trial import TrialState

from hydra_sweep.worker.rank import Rank, rendezvous_of, reserve_port


def test_a_reserved_port_is_given_to_nobody_else_but_may_be_listened_at():
    reserved = reserve_port()
    port = reserved.getsockname()[1]
    with reserved, socket.socket() as stranger, socket.socket() as ours:
        with pytest.raises(OSError, match="in use"):
            stranger.bind(("", port))
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        ours.bind(("", port))
        ours.listen()


def test_ranks_of_several_nodes_meet_at_a_name_that_all_can_resolve():
    assert Rank(0, 0, 0, 2, 1, "node1").rendezvous(0, 80)["address"] == "127.0.0.1"
    assert Rank(0, 0, 0, 4, 2, "localhost").rendezvous(0, 80)["address"] == "localhost"
    assert Rank(0, 0, 0, 4, 2, "no-such-host.invalid").rendezvous(0, 80)["address"] == socket.gethostname()


def test_the_others_follow_to_the_meeting_of_this_attempt_and_of_this_run_of_the_job(monkeypatch):
    def trial(attempt: int) -> optuna.trial.FrozenTrial:
        attrs = {"rendezvous": rendezvous, "attempt": attempt}
        return optuna.create_trial(state=TrialState.RUNNING, user_attrs=attrs)

    rendezvous = None
    assert rendezvous_of(trial(0)) is None
    rendezvous = Rank(0, 0, 0, 2, 1, "node1").rendezvous(1, 80)
    assert rendezvous_of(trial(1)) == rendezvous
    assert rendezvous_of(trial(2)) is None
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert rendezvous_of(trial(1)) is None
