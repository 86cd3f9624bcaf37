"""What ends how: the table of the design, each row on the toy task, by the real command."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import optuna
import psutil
import pytest
from omegaconf import OmegaConf

from src.sweep.storage import StudyAddress
from tests.conftest import ROOT, TOY


def load(folder: Path, storage: str | None = None) -> optuna.Study:
    return StudyAddress("toy", folder / "multirun" / "toy", storage).load()


def on(storage: str | None) -> str:
    return f"hydra.sweeper.storage={storage or 'null'}"


def times(folder: Path) -> list[int]:
    """The numbers of the trials that ran, in order of their end, once for each run."""
    lines = (folder / "multirun" / "toy" / "times").read_text().splitlines()
    return [int(line.split()[0]) for line in lines]


@pytest.mark.parametrize(
    ("what", "state", "attempt", "reason"),
    [
        ("return", "COMPLETE", 0, None),
        ("prune", "PRUNED", 0, "pruned"),
        ("not a number", "PRUNED", 0, "the metric is nan"),
        ("memory", "PRUNED", 0, "out of memory: CUDA out of memory"),
        ("raise", "FAIL", 0, "ValueError: the toy is broken"),
        ("none", "FAIL", 0, "is optimized_metric set?"),
        ("kill once", "COMPLETE", 1, None),
        ("kill", "FAIL", 1, "killed (SIGKILL), in each of 2 attempts"),
    ],
)
def test_state_table(toy, tmp_path, what, state, attempt, reason):
    sweeper = "hydra.sweeper"
    toy(
        f"what={{1: {what}}}",
        f"{sweeper}.max_retries=1",
        f"{sweeper}.max_failure_rate=0.5",
        f"{sweeper}.direction=maximize",
    )
    trials = load(tmp_path).trials
    assert [t.state.name for t in trials] == ["COMPLETE", state, "COMPLETE", "COMPLETE"]
    ended = trials[1]
    assert ended.user_attrs.get("attempt", 0) == attempt
    assert reason is None or reason in ended.user_attrs["reason"]
    assert ("ValueError" in ended.user_attrs.get("traceback", "")) == (what == "raise")
    if state == "COMPLETE":
        assert ended.value == ended.params["x"]
    log = (tmp_path / "multirun" / "toy" / "1" / "toy.log").read_text()
    assert ("the toy is broken" in log) == (what == "raise")


def test_a_rerun_trains_only_what_is_missing(toy, tmp_path, storage):
    toy(on(storage), "what={1: kill once}")
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]
    again = toy(on(storage))
    assert "Study toy is complete: 4 trials" in again.stdout
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]
    toy(on(storage), "hydra.sweeper.n_trials=6")
    assert sorted(times(tmp_path)) == [0, 1, 2, 3, 4, 5]
    trials = load(tmp_path, storage).trials
    assert len({t.params["x"] for t in trials}) == 6
    assert [t.user_attrs.get("attempt", 0) for t in trials] == [0, 1, 0, 0, 0, 0]


def test_a_trial_is_a_plain_hydra_job_of_its_own_folder(toy, tmp_path):
    toy()
    for trial in load(tmp_path).trials:
        folder = tmp_path / "multirun" / "toy" / str(trial.number)
        assert OmegaConf.load(folder / ".hydra/config.yaml").x == trial.params["x"]
        assert OmegaConf.load(folder / ".hydra/overrides.yaml") == [f"x={trial.params['x']}"]
        assert OmegaConf.load(folder / ".hydra/hydra.yaml").hydra.job.num == trial.number
    results = OmegaConf.load(tmp_path / "multirun" / "toy" / "optimization_results.yaml")
    best = min(t.value for t in load(tmp_path).trials)
    assert results == {"name": "optuna", "best_params": {"x": best}, "best_value": best}


def test_too_many_failures_stop_the_sweep_and_show_the_first(toy, tmp_path):
    done = toy("what={0: raise}", "seconds=[0,1,1,1]", check=False)
    assert done.returncode == 1
    assert "the toy is broken" in done.stderr
    assert "max_failure_rate=0.0" in done.stderr
    # The same command goes on; what failed before does not count again.
    toy("what={0: raise}")
    states = [t.state.name for t in load(tmp_path).trials]
    assert states == ["FAIL", "COMPLETE", "COMPLETE", "COMPLETE"]


def test_a_grid_is_searched_once(toy, tmp_path):
    toy("hydra/sweeper/sampler=grid", "x=range(0.0,1.0,0.25)", "hydra.sweeper.n_trials=99")
    assert sorted(t.params["x"] for t in load(tmp_path).trials) == [0, 0.25, 0.5, 0.75, 1]


@pytest.mark.parametrize("sampler", ["random", "cmaes", "tpe"])
def test_samplers_seeded_alike_propose_alike_and_never_twice_the_same(toy, tmp_path, sampler):
    found = []
    for name in ("one", "two"):
        toy(
            f"hydra/sweeper/sampler={sampler}",
            "hydra.sweeper.sampler.seed=7",
            f"hydra.sweeper.study_name={name}",
            "hydra.sweeper.n_jobs=1",
        )
        study = StudyAddress(name, tmp_path / "multirun" / name).load()
        found.append([trial.params["x"] for trial in study.trials])
    assert found[0] == found[1]
    assert len(set(found[0])) == 4


def test_several_objectives(toy, tmp_path):
    toy("what={0: two, 1: two, 2: two, 3: two}", "hydra.sweeper.direction=[minimize,maximize]")
    study = load(tmp_path)
    assert all(t.values == [t.params["x"], t.params["x"] ** 2] for t in study.trials)
    results = OmegaConf.load(tmp_path / "multirun" / "toy" / "optimization_results.yaml")
    assert len(results.solutions) == len(study.best_trials)


def test_custom_search_space(toy, tmp_path):
    toy("hydra.sweeper.custom_search_space=tests.toy.space.extend", PYTHONPATH=str(ROOT))
    for trial in load(tmp_path).trials:
        folder = tmp_path / "multirun" / "toy" / str(trial.number)
        config = OmegaConf.load(folder / ".hydra/config.yaml")
        assert ("extra" in config) == (trial.params["x"] > 0.5)
        assert config.get("extra") == trial.params.get("+extra")


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    command = [sys.executable, str(ROOT / "tests/toy/toy.py"), *TOY, *arguments]
    return subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def wait_for_running(folder: Path, n: int, storage: str | None = None) -> list[optuna.trial.FrozenTrial]:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        address = StudyAddress("toy", folder / "multirun" / "toy", storage)
        if study := address.load_existing():
            running = [t for t in study.trials if t.state.name == "RUNNING" and t.params]
            if len(running) >= n:
                return running
        time.sleep(0.1)
    raise TimeoutError(f"{n} trials never ran side by side")


def lives(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


SLOW = ["seconds=[3,3,3,3]", "hydra.sweeper.direction=maximize"]


def test_a_killed_worker_costs_nothing_but_time(tmp_path, storage):
    supervisor = start(tmp_path, *SLOW, on(storage))
    victim = wait_for_running(tmp_path, 2, storage)[0]
    worker = psutil.Process(int(victim.user_attrs["worker"]))
    for process in (*worker.children(recursive=True), worker):
        process.kill()
    out, _ = supervisor.communicate(timeout=120)
    assert supervisor.returncode == 0, out
    assert f"Trial {victim.number}: its worker was lost, now WAITING" in out
    trials = load(tmp_path, storage).trials
    assert [t.state.name for t in trials] == ["COMPLETE"] * 4
    assert trials[victim.number].user_attrs["attempt"] == 1
    assert trials[victim.number].params == victim.params
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


def test_workers_that_are_not_waited_for_finish_by_themselves(toy, tmp_path):
    arguments = ["hydra.sweeper.wait=false", "seconds=[2,2,2,2]"]
    begun = time.monotonic()
    first = toy(*arguments)
    assert time.monotonic() - begun < 10
    assert "2 workers go on by themselves" in first.stdout
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


def test_a_timeout_ends_the_sweep_and_the_same_command_goes_on(toy, tmp_path):
    done = toy("hydra.sweeper.timeout=3", "seconds=[0,0,60,60]")
    assert "hydra.sweeper.timeout=3 s is over" in done.stdout
    assert "Go on with:" in done.stdout
    assert [t.state.name for t in load(tmp_path).trials] == ["COMPLETE"] * 2 + ["WAITING"] * 2
    toy("hydra.sweeper.timeout=30", "seconds=[0,0,0,0]")
    assert sorted(times(tmp_path)) == [0, 1, 2, 3]


def test_a_new_study_takes_the_next_free_name(toy, tmp_path):
    for _ in range(3):
        toy("hydra.sweeper.study=new", "hydra.sweeper.n_trials=2")
    for name in ("toy", "toy_2", "toy_3"):
        folder = tmp_path / "multirun" / name
        assert len(StudyAddress(name, folder).load().trials) == 2
        hydra = OmegaConf.load(folder / "1/.hydra/hydra.yaml").hydra
        assert hydra.sweeper.study_name == name
    # What it prints to go on with does not begin another one.
    done = toy("hydra.sweeper.study=new", "hydra.sweeper.timeout=2", "seconds=[60,60,60,60]")
    command = done.stdout.split("Go on with:")[1].splitlines()[1]
    assert "hydra.sweeper.study_name=toy_4" in command
    assert "study=new" not in command


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("x=interval(0.0,2.0)", "x was interval(0.0, 1.0), now interval(0.0, 2.0)"),
        ("x=tag(log,interval(0.1,1.0))", "x was interval(0.0, 1.0), now tag(log, interval(0.1, 1.0))"),
        ("what=choice(a,b)", "what was not searched, now choice(a, b)"),
        ("x=0.5", "x was interval(0.0, 1.0), now not searched"),
        ("hydra.sweeper.direction=maximize", "direction was minimize, now maximize"),
        ("+optimized_metric=val/loss", "metric was None, now val/loss"),
    ],
)
def test_trials_that_could_not_be_compared_are_refused(toy, tmp_path, change, message):
    toy()
    journal = (tmp_path / "multirun/toy/study.journal").read_bytes()
    done = toy(change, "hydra.sweeper.n_trials=6", check=False)
    assert done.returncode == 1
    assert message in done.stderr
    assert "hydra.sweeper.study=new" in done.stderr
    assert (tmp_path / "multirun/toy/study.journal").read_bytes() == journal


def test_other_changes_just_work_and_a_fixed_override_is_shown_and_kept(toy, tmp_path):
    toy("seconds=[0,0,0,0]")
    options = ["hydra.sweeper.n_jobs=1", "hydra/sweeper/sampler=random", "hydra/sweeper/pruner=asha"]
    done = toy("seconds=[0,0,0,0,0,0]", *options, "hydra.sweeper.n_trials=6")
    assert "seconds: was [0,0,0,0], now [0,0,0,0,0,0]" in done.stdout
    history = load(tmp_path).user_attrs["overrides"]
    assert [(one["trials_ended"], one["overrides"]) for one in history] == [
        (0, ["seconds=[0,0,0,0]"]),
        (4, ["seconds=[0,0,0,0,0,0]"]),
    ]
    assert sorted(times(tmp_path)) == [0, 1, 2, 3, 4, 5]


def test_a_dry_run_shows_the_sweep_and_writes_nothing(toy, tmp_path):
    done = toy("hydra.sweeper.dry_run=true", "seconds=[1,2]")
    for shown in ("interval(0.0, 1.0)", "seconds=[1,2]", "Study toy is new", "4 trials on 2 workers"):
        assert shown in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_mistake_of_every_trial_fails_one_alone(toy, tmp_path):
    rates = ["hydra.sweeper.max_failure_rate=1", "hydra.sweeper.n_trials=20"]
    done = toy("what={0: mistake, 1: mistake, 2: mistake, 3: mistake}", *rates, check=False)
    assert done.returncode == 1
    assert "Trial 0: no such metric" in done.stderr or "Trial 1: no such metric" in done.stderr
    assert "Traceback" not in done.stderr
    states = [t.state.name for t in load(tmp_path).trials]
    assert sorted(states) == ["FAIL", *["WAITING"] * 19]


def test_memory_is_named_where_the_kernel_killed_for_it(toy, tmp_path, memory_group):
    fill = "what={1: fill memory}", "hydra.sweeper.max_retries=1", "hydra.sweeper.max_failure_rate=0.5"
    toy(*fill, TOY_MEMORY_GROUP=str(memory_group))
    trial = load(tmp_path).trials[1]
    assert trial.state.name == "FAIL"
    assert trial.user_attrs["losses"] == 1
    assert "ran out of memory, in each of 2 attempts" in trial.user_attrs["reason"]


@pytest.fixture
def memory_group():
    """A memory cgroup of 200 MB, where this process may make one."""
    for root, limit in (
        ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        ("/sys/fs/cgroup", "memory.max"),
    ):
        group = Path(root, f"toy_{os.getpid()}")
        try:
            group.mkdir()
        except OSError:
            continue
        if (group / limit).exists():
            (group / limit).write_text(str(200 << 20))
            yield group
            group.rmdir()
            return
        group.rmdir()
    pytest.skip("this process may not make a memory cgroup (it takes root)")


def test_the_supervisor_imports_nothing_heavy(tmp_path):
    script = f"""
import json, runpy, sys
sys.argv = ["toy.py", *{TOY}]
try:
    runpy.run_path({str(ROOT / "tests/toy/toy.py")!r}, run_name="__main__")
finally:
    heavy = [name for name in ("torch", "lightning", "mlflow") if name in sys.modules]
    json.dump(heavy, open("heavy", "w"))
"""
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True, env=dict(os.environ))
    assert json.loads((tmp_path / "heavy").read_text()) == []
