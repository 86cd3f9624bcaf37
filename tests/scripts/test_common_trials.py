import optuna
import pytest

from scripts.peers.common_trials import CommonTPE, common_trials
from scripts.peers.loop import CHOICES, LR

N = 15  # five more than TPE draws at random


@pytest.mark.parametrize(("prefix", "seed"), [("model.net.", 1), ("", 2)])
def test_trials_are_the_same_everywhere(prefix, seed):
    study = optuna.create_study(sampler=CommonTPE(3, seed=seed, constant_liar=True))
    tried = []
    for _ in range(N):
        trial = study.ask()
        lr = trial.suggest_float(f"{prefix}lr", *LR, log=True)
        chosen = {name: trial.suggest_categorical(f"{prefix}{name}", CHOICES[name]) for name in CHOICES}
        study.tell(trial, lr)
        tried.append(chosen | {"lr": lr})
    assert tried == common_trials(3, N, LR, CHOICES)


def test_trials_cover_the_space():
    trials = common_trials(0, 1000, LR, CHOICES)
    assert all(LR[0] <= one["lr"] <= LR[1] for one in trials)
    assert sum(one["lr"] < 1e-2 for one in trials) / 1000 == pytest.approx(2 / 3, abs=0.05)
    for name, values in CHOICES.items():
        assert {one[name] for one in trials} == set(values)
