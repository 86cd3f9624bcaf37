import optuna
import pytest

from scripts.peers.common_start import CommonStartTPE, start
from scripts.peers.loop import CHOICES, LR, N_COMMON


def search(prefix: str, seed: int) -> list[dict]:
    study = optuna.create_study(sampler=CommonStartTPE(3, seed=seed, constant_liar=True))
    tried = []
    for _ in range(N_COMMON + 2):
        trial = study.ask()
        lr = trial.suggest_float(f"{prefix}lr", *LR, log=True)
        chosen = {name: trial.suggest_categorical(f"{prefix}{name}", CHOICES[name]) for name in CHOICES}
        study.tell(trial, lr)
        tried.append(chosen | {"lr": lr})
    return tried


def test_a_search_starts_alike_everywhere_and_goes_on_by_itself():
    one, other = search("model.net.", seed=1), search("", seed=2)
    assert one[:N_COMMON] == other[:N_COMMON] == start(3, N_COMMON, LR, CHOICES)
    assert one[N_COMMON:] != other[N_COMMON:]


def test_a_start_covers_the_space():
    drawn = start(0, 1000, LR, CHOICES)
    assert all(LR[0] <= one["lr"] <= LR[1] for one in drawn)
    assert sum(one["lr"] < 1e-2 for one in drawn) / 1000 == pytest.approx(2 / 3, abs=0.05)
    for name, values in CHOICES.items():
        assert {one[name] for one in drawn} == set(values)
