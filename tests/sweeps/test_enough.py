"""When a sweep has seen enough, and the several objectives of one, by the real command."""

import time

from omegaconf import OmegaConf

from tests.toy.sweeps import TWO_WORKERS, load, on, times

GRID = ["hydra/sweeper/sampler=grid", "x=range(1,12)", "hydra.sweeper.n_trials=12"]
STOP = "hydra.sweeper.stop"


def complete(folder, storage=None) -> list[int]:
    return [trial.number for trial in load(folder, storage).trials if trial.state.name == "COMPLETE"]


def test_a_target_is_kept_and_another_goes_on(toy, tmp_path, database):
    words = [on(database), *GRID, TWO_WORKERS, "seconds=[1,0,0,0,0,0,0,0,0,0,0,0]"]
    done = toy(*words, f"{STOP}.target=4", "hydra.sweeper.direction=maximize")
    study = load(tmp_path, database)
    n = len(complete(tmp_path, database))
    assert n < 12
    assert f"Study toy was stopped after {n} trials: trial " in done.stdout
    assert not [trial for trial in study.trials if trial.state.name == "RUNNING"]
    assert 0 in complete(tmp_path, database), "what ran went on to its end"
    again = toy(*words, f"{STOP}.target=4", "hydra.sweeper.direction=maximize")
    assert f"Study toy was stopped after {n} trials: trial " in again.stdout
    assert len(times(tmp_path)) == n
    toy(*words, f"{STOP}.target=99", "hydra.sweeper.direction=maximize")
    assert complete(tmp_path, database) == list(range(12))
    assert sorted(times(tmp_path)) == list(range(12))


def test_patience_is_kept_by_workers_that_nobody_watches(toy, tmp_path):
    words = [*GRID, f"{STOP}.patience=3", "x=range(1.0,1.9,0.1)", "hydra.sweeper.wait=false"]
    toy(*words)
    deadline = time.monotonic() + 30
    while not load(tmp_path).user_attrs.get("stopped") and time.monotonic() < deadline:
        time.sleep(0.2)
    done = toy(*words, "hydra.sweeper.wait=true")
    assert "no improvement since trial " in done.stdout
    assert 4 <= len(complete(tmp_path)) <= 10


def test_hours_that_are_spent(toy, tmp_path):
    done = toy(f"{STOP}.gpu_hours=0.0001", "seconds=[1,1,1,1,1,1]", "hydra.sweeper.n_trials=6")
    assert "hydra.sweeper.stop.gpu_hours counts " in done.stdout
    assert " hours are spent, stop.gpu_hours=0.0001." in done.stdout
    assert 1 <= len(complete(tmp_path)) < 6


def test_what_is_left_to_gain_is_noise(toy, tmp_path):
    words = [f"{STOP}.expected_gain=0.15", "hydra/sweeper/sampler=random", "hydra.sweeper.seed=1"]
    done = toy(*words, "hydra.sweeper.n_trials=60")
    n = len(complete(tmp_path))
    assert 20 <= n < 60
    assert f"Study toy was stopped after {n} trials: " in done.stdout
    assert "is expected to become better by 0." in done.stdout
    toy(*words, "hydra.sweeper.n_trials=60")
    assert len(times(tmp_path)) == n


def test_the_front_of_several_objectives(toy, tmp_path):
    words = ["what={0: two, 1: two, 2: two, 3: two}", "hydra.sweeper.direction=[minimize,maximize]"]
    named = ["+optimized_metric=[cost,gain]", "x=choice(0.1,0.4,0.6,0.9)", "+seed=1"]
    done = toy(*words, *named, "hydra.sweeper.constraints='x < 0.8'", "hydra.sweeper.prefer=[gain,cost]")
    number = {trial.params["x"]: trial.number for trial in load(tmp_path).trials if trial.params}
    assert f"cost 0.1 (trial {number[0.1]}), gain 0.36 (trial {number[0.6]})]" in done.stdout
    assert "Pareto front of 3: " in done.stdout
    assert "Pareto front: 3 trials" in done.stdout
    rows = [line.split("│")[1:4] for line in done.stdout.splitlines() if line.startswith("│")]
    assert [[cell.strip() for cell in row] for row in rows] == [
        [str(number[0.6]), "0.6", "0.36 *"],
        *sorted(
            [[str(number[0.4]), "0.4", "0.16"], [str(number[0.1]), "0.1 *", "0.01"]], key=lambda r: r[2]
        )[::-1],
    ]
    assert "hydra.mode=RUN x=0.6" in done.stdout
    found = OmegaConf.load(tmp_path / "multirun/toy/optimization_results.yaml").solutions
    assert [one["params"]["x"] for one in found] == [0.6, 0.4, 0.1]
