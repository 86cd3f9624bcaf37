from types import SimpleNamespace

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from hydra_sweep.checks.noise import WILCOXON
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.repeats import REPEATS, repeats_of, seed_of, spreads
from hydra_sweep.worker.repeats import Repeats

THREE = SimpleNamespace(repeats={"n": 3, "key": "seed"}, pruner=OmegaConf.create(WILCOXON))


def begun(study: optuna.Study) -> optuna.trial.FrozenTrial:
    return study._storage.get_trial(study.ask()._trial_id)


def run(study: optuna.Study, *values: float) -> Outcome | None:
    """What becomes of a trial whose repeats give these."""
    repeats = Repeats(THREE, study, begun(study))
    for value in values:
        assert repeats.outcome() is None
        repeats.add(Outcome(TrialState.COMPLETE, [value]))
    return repeats.outcome()


@pytest.mark.parametrize("storage", ["memory", "sqlite"])
def test_two_that_are_worse_than_the_bests_end_a_trial(tmp_path, storage):
    url = None if storage == "memory" else f"sqlite:///{tmp_path}/study.db"
    study = optuna.create_study(storage=url)
    best = run(study, 0.1, 0.2, 0.3)
    assert best == Outcome(TrialState.COMPLETE, [pytest.approx(0.2)])
    study.tell(0, best.values)
    assert run(study, 0.4, 0.5).reason == "WilcoxonPruner after repeat 2 of 3"
    assert run(study, 0.2, 0.1) is None, "one of two is better"
    assert run(study, 0.05, 0.1, 0.1).values == pytest.approx([0.25 / 3])
    assert study.trials[1].intermediate_values == {1: 0.4, 2: 0.5}


def test_what_was_known_is_gone_on_from():
    study = optuna.create_study()
    first = Repeats(THREE, study, begun(study))
    first.add(Outcome(TrialState.COMPLETE, [0.1]))
    first.study._storage.set_trial_user_attr(first.trial._trial_id, REPEATS, [[0.1], [0.2]])  # then killed
    again = Repeats(THREE, study, study._storage.get_trial(first.trial._trial_id))
    assert again.next == 3
    again.add(Outcome(TrialState.COMPLETE, [0.6]))
    assert repeats_of(again.trial) == [[0.1], [0.2], [0.6]]
    assert again.trial.intermediate_values == {1: 0.1, 2: 0.2, 3: 0.6}
    assert again.outcome().values == [pytest.approx(0.3)]


def test_seeds_and_spreads():
    seeds = [seed_of(7, repeat) for repeat in range(1, 9)]
    assert seeds[0] == 7
    assert len(set(seeds)) == 8
    assert spreads([[1.0, 5.0], [3.0, 5.0]]) == [pytest.approx(2**0.5), 0.0]
