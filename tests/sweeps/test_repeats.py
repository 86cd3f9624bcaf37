"""Trials that are trained several times, by the real command: hydra.sweeper.repeats."""

import statistics

import pytest

from hydra_sweep.study.repeats import seed_of
from tests.toy.sweeps import TWO_WORKERS, load, on
from tests.toy.toy import luck

N, NOISE = 6, 0.05
XS = [0.3, 0.1, 0.4, 0.5, 0.6, 0.7, 0.8]


def test_the_bad_end_early_and_the_winner_is_the_same(toy, tmp_path, database):
    words = [on(database), TWO_WORKERS, f"noise={NOISE}", "+seed=1", f"x=choice({','.join(map(str, XS))})"]
    words += ["hydra/sweeper/sampler=grid", f"hydra.sweeper.n_trials={len(XS)}"]
    words += ["what={1: kill repeat 3 once}"]
    done = toy(*words, f"hydra.sweeper.repeats={N}")
    trials = load(tmp_path, database).trials
    plain = {x: [x + luck(seed_of(1, i), x, NOISE) for i in range(1, N + 1)] for x in XS}
    best = min(plain, key=lambda x: statistics.mean(plain[x]))
    for trial in trials:
        given, x = [value for (value,) in trial.user_attrs["repeats"]], trial.params["x"]
        folder = tmp_path / f"multirun/toy/{trial.number}"
        assert given == pytest.approx(plain[x][: len(given)]), "each with its own seed"
        assert len((folder / "times").read_text().splitlines()) == len(given), "none is trained twice"
        assert {path.name for path in folder.glob("repeat_*")} == {
            f"repeat_{i + 1}" for i in range(len(given))
        }
        if trial.state.name == "COMPLETE":
            assert len(given) == N
            assert trial.value == pytest.approx(statistics.mean(given))
        else:
            assert trial.user_attrs["reason"] == f"WilcoxonPruner after repeat {len(given)} of {N}"
    assert trials[1].user_attrs["attempt"] == 1, "it was killed"
    assert len(trials[1].user_attrs["repeats"]) == N
    n_trained = sum(len(trial.user_attrs["repeats"]) for trial in trials)
    assert n_trained <= 0.6 * N * len(XS)
    assert f"x={best}" in done.stdout.splitlines()[-1]
    assert f"{statistics.mean(plain[best]):.3f} ± {statistics.stdev(plain[best]):.3f}" in done.stdout
    assert "WilcoxonPruner takes the place of MedianPruner" in done.stdout

    other = toy(*words, "hydra.sweeper.repeats=3", check=False)
    assert f"hydra.sweeper.repeats was {N}, now 3" in other.stderr
    assert "is complete" in toy(*words, f"hydra.sweeper.repeats={N}").stdout


def test_of_several_objectives_each_is_the_mean(toy, tmp_path):
    words = ["steps=2", "hydra.sweeper.repeats={n: 3}", "+seed=1", "what={0: two, 1: kill repeat 3 once}"]
    toy(*words, "hydra.sweeper.direction=[minimize,maximize]", "hydra.sweeper.n_trials=1")
    (trial,) = load(tmp_path).trials
    x = trial.params["x"]
    assert trial.user_attrs["repeats"] == [[x, x**2]] * 3
    assert trial.values == pytest.approx([x, x**2])
    assert not trial.intermediate_values, "what a training reports on its way is left out"
