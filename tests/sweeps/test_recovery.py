"""Sweeps that are killed, stopped, left alone and begun again, by the real command."""

import re
import signal
import socket
import time
from itertools import chain

import psutil

from tests.processes import family, kill, lives
from tests.toy.sweeps import SLOW, TWO_WORKERS, load, on, start, times, wait_for_running


def test_a_rerun_trains_only_what_is_missing(toy, tmp_path, storage):
    toy(on(storage), TWO_WORKERS, "what={1: kill once}")
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]
    again = toy(on(storage))
    assert "Study toy is complete: 4 trials" in again.stdout
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]
    toy(on(storage), "hydra.sweeper.n_trials=6")
    assert sorted(times(tmp_path)) == [0, 1, 2, 3, 4, 5]
    trials = load(tmp_path, storage).trials
    assert len({t.params["x"] for t in trials}) == 6
    assert [t.user_attrs.get("attempt", 0) for t in trials] == [0, 1, 0, 0, 0, 0]


def test_a_killed_worker_costs_nothing_but_time(tmp_path, storage):
    supervisor = start(tmp_path, *SLOW, on(storage))
    victim = wait_for_running(tmp_path, 2, storage)[0]
    worker = int(victim.user_attrs["worker"])
    kill(reversed(family(worker)))
    out, _ = supervisor.communicate(timeout=120)
    assert supervisor.returncode == 0, out
    _check_lines(out, victim.number, worker)
    trials = load(tmp_path, storage).trials
    assert [t.state.name for t in trials] == ["COMPLETE"] * 4
    assert trials[victim.number].user_attrs["attempt"] == 1
    assert trials[victim.number].params == victim.params
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]


def test_while_the_database_is_down_trials_go_on_and_what_they_found_is_told_later(tmp_path, postgres):
    url = postgres.new_database()
    supervisor = start(tmp_path, on(url), "hydra.sweeper.n_trials=2", "seconds=[4,4]")
    wait_for_running(tmp_path, 2, url)
    postgres.stop()
    time.sleep(6)  # the trials end meanwhile
    postgres.start()
    out, _ = supervisor.communicate(timeout=120)
    assert supervisor.returncode == 0, out
    trials = load(tmp_path, url).trials
    assert [(t.state.name, t.user_attrs.get("attempt", 0)) for t in trials] == [("COMPLETE", 0)] * 2
    assert sorted(times(tmp_path)) == [0, 1]


def test_supervisor_and_workers_are_killed_at_once(tmp_path, storage):
    supervisor = start(tmp_path, *SLOW, on(storage))
    running = wait_for_running(tmp_path, 2, storage)
    workers = [family(int(trial.user_attrs["worker"])) for trial in running]
    supervisor.kill()
    kill(chain(*workers))
    supervisor.communicate(timeout=60)
    again = start(tmp_path, *SLOW, on(storage))
    out, _ = again.communicate(timeout=120)
    assert again.returncode == 0, out
    trials = load(tmp_path, storage).trials
    assert [t.state.name for t in trials] == ["COMPLETE"] * 4
    assert all(trials[before.number].params == before.params for before in running)
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]


def test_after_the_supervisor_is_killed_the_workers_go_on(tmp_path, storage):
    supervisor = start(tmp_path, *SLOW, on(storage))
    wait_for_running(tmp_path, 2, storage)
    supervisor.kill()
    supervisor.communicate(timeout=60)
    again = start(tmp_path, *SLOW, on(storage))
    out, _ = again.communicate(timeout=120)
    assert again.returncode == 0, out
    assert [t.state.name for t in load(tmp_path, storage).trials] == ["COMPLETE"] * 4
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]


def test_interrupted_trials_go_back_into_the_queue(tmp_path, storage):
    supervisor = start(tmp_path, *SLOW, on(storage))
    running = wait_for_running(tmp_path, 2, storage)
    supervisor.send_signal(signal.SIGINT)
    out, _ = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 130, out
    assert "Go on with:" in out
    assert "-m" in out.split("Go on with:")[1]
    assert "The report: " in out
    trials = load(tmp_path, storage).trials
    assert {t.state.name for t in trials} == {"WAITING"}
    assert not any(lives(int(t.user_attrs["worker"])) for t in running)
    again = start(tmp_path, *SLOW, on(storage))
    again.communicate(timeout=120)
    assert again.returncode == 0
    assert [t.params for t in load(tmp_path, storage).trials][: len(running)] == [t.params for t in running]


def test_a_second_supervisor_is_refused_and_told_where_the_first_runs(tmp_path, toy):
    first = start(tmp_path, *SLOW)
    wait_for_running(tmp_path, 2)
    second = toy(*SLOW, check=False)
    assert second.returncode == 1
    assert f"already has a supervisor: process {first.pid} on {socket.gethostname()}" in second.stderr
    out, _ = first.communicate(timeout=120)
    assert first.returncode == 0, out
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]


def test_a_second_ctrl_c_does_not_wait(tmp_path):
    # a task that does not heed SIGTERM
    supervisor = start(tmp_path, "what={0: deaf, 1: deaf}", "seconds=[0,0,0,0]")
    running = wait_for_running(tmp_path, 2)
    supervisor.send_signal(signal.SIGINT)
    time.sleep(2)
    assert supervisor.poll() is None
    supervisor.send_signal(signal.SIGINT)
    out, _ = supervisor.communicate(timeout=15)
    assert supervisor.returncode == 130, out
    assert {t.state.name for t in load(tmp_path).trials} == {"WAITING"}
    assert not any(lives(int(t.user_attrs["worker"])) for t in running)


def test_interruptions_do_not_count_as_retries(tmp_path, toy):
    for _ in range(2):
        supervisor = start(tmp_path, *SLOW, "hydra.sweeper.max_retries=0")
        wait_for_running(tmp_path, 2)
        supervisor.send_signal(signal.SIGINT)
        supervisor.communicate(timeout=60)
    assert load(tmp_path).trials[0].user_attrs["attempt"] == 2
    toy(*SLOW, "hydra.sweeper.max_retries=0", "what={0: kill}", "hydra.sweeper.max_failure_rate=1")
    trials = load(tmp_path).trials
    assert [t.state.name for t in trials] == ["FAIL", *["COMPLETE"] * 3]
    assert "in each of 1 attempts" in trials[0].user_attrs["reason"]


def test_a_trial_that_never_comes_further_in_its_workers_time_fails(tmp_path):
    options = ["hydra.sweeper.n_trials=1", "hydra.sweeper.max_retries=1", "seconds=[60]"]
    supervisor = start(tmp_path, *options)
    stopped = set()
    while len(stopped) < 3:
        worker = wait_for_running(tmp_path, 1)[0].user_attrs["worker"]
        if worker not in stopped:
            stopped.add(worker)
            for process in psutil.Process(int(worker)).children():
                process.send_signal(signal.SIGUSR2)
        time.sleep(0.1)
    out, _ = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 1, out
    assert "stopped 2 times in a row without a new checkpoint: is hydra.launcher.timeout_min too" in out


def test_workers_that_are_not_waited_for_finish_by_themselves(toy, tmp_path):
    arguments = ["hydra.sweeper.wait=false", TWO_WORKERS, "seconds=[2,2,2,2]"]
    begun = time.monotonic()
    first = toy(*arguments)
    assert time.monotonic() - begun < 10
    assert "Workers go on by themselves: 2." in first.stdout
    assert "Go on with:" in first.stdout
    second = toy(*arguments)  # looks on, starts nothing
    assert "Workers of an earlier supervisor go on" in second.stdout
    assert len(list((tmp_path / "multirun/toy/workers").glob("*_submitted.pkl"))) == 2
    deadline = time.monotonic() + 60
    while any(not t.state.is_finished() for t in load(tmp_path).trials) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]
    third = toy(*arguments)
    assert "Study toy is complete: 4 trials" in third.stdout
    assert (tmp_path / "multirun/toy/optimization_results.yaml").is_file()
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]


def test_fewer_trials_end_the_workers_that_were_started_for_more(toy, tmp_path):
    seconds = "seconds=[0,0,60,60,60,60]"
    toy("hydra.sweeper.wait=false", "hydra.sweeper.n_trials=6", TWO_WORKERS, seconds)
    while not all(trial.state.name == "COMPLETE" for trial in load(tmp_path).trials[:2]):
        time.sleep(0.2)
    running = wait_for_running(tmp_path, 2)
    done = toy("hydra.sweeper.n_trials=2", TWO_WORKERS, seconds)
    assert "Study toy is complete: 2 trials" in done.stdout
    assert not any(lives(int(trial.user_attrs["worker"])) for trial in running)
    states = [trial.state.name for trial in load(tmp_path).trials]
    assert states == ["COMPLETE"] * 2 + ["WAITING"] * (len(states) - 2)


def test_a_timeout_ends_the_sweep_and_the_same_command_goes_on(toy, tmp_path):
    done = toy("hydra.sweeper.timeout=6", TWO_WORKERS, "seconds=[0,0,60,60]")
    assert "hydra.sweeper.timeout=6 s is over" in done.stdout
    assert "Go on with:" in done.stdout
    states = [trial.state.name for trial in load(tmp_path).trials]
    assert states == ["COMPLETE"] * 2 + ["WAITING"] * (len(states) - 2)
    toy("hydra.sweeper.timeout=30", "seconds=[0,0,0,0]")
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]


def _check_lines(out: str, lost: int, worker: int) -> None:
    """Each change of state has a line of its own, once, in its order, of what was lost and what follows."""
    lines = [line.split(" ", 2)[2] for line in out.splitlines() if re.match(r"\d{4}-\d\d-\d\d \d\d:", line)]
    assert len(set(lines)) == len(lines)
    (other,) = {w for w in re.findall(r"^worker (\d+) started$", "\n".join(lines), re.M)} - {str(worker)}
    gone = "was lost (its process is gone)"
    for number in range(4):
        own = [line for line in lines if line.startswith(f"trial {number} ")]
        starts = [rf"trial {number} started on worker \d+: x=0\.\d+"]
        if number == lost:
            put_back = re.escape(f"put back, attempt 2 follows: worker {worker} {gone}")
            starts += [f"trial {number} {put_back}", rf"trial {number} starts attempt 2 on worker \d+: x="]
        ended = rf"trial {number} done 0\.\d+ in 0:0\d  \[.* queued, .*; best value 0\.\d+, trial \d\]"
        assert len(own) == len(starts) + 1
        assert all(map(re.match, [*starts, ended], own)), own
    replaced = rf"worker {worker} {re.escape(gone)}\nworker \d+ started in place of {worker}"
    assert re.search(replaced, "\n".join(line for line in lines if line.startswith("worker")))
    assert "4 done, 0 pruned, 0 failed; best" in lines[-1] or lines[-1] == f"worker {other} ended"
