from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution
from optuna.trial import TrialState

from hydra_sweep.__main__ import main
from hydra_sweep.errors import SweepError
from hydra_sweep.study.storage import StudyAddress

SPACE = {"x": FloatDistribution(0.0, 1.0), "+w": CategoricalDistribution(["a", "'1'"])}
WORDS = {"x": "interval(0.0, 1.0)", "+w": "choice(a, '1')"}


@pytest.fixture
def address(tmp_path: Path) -> StudyAddress:
    """Of a study with a complete trial, and one that waits."""
    address = StudyAddress("toy", tmp_path / "sweep")
    study = address.create(["minimize"], {"space": WORDS, "n_trials": 3})
    study.add_trial(optuna.create_trial(params={"x": 0.5, "+w": "a"}, distributions=SPACE, value=0.5))
    study.add_trial(optuna.create_trial(state=TrialState.WAITING))
    return address


MISTAKES = {
    "retry 9": "There is no trial 9. Valid: 0 to 1.",
    "retry 1": "Trial 1 has not ended: queued.",
    "retry": "No trial has failed. Name those that are to be trained again.",
    "drop 0 7": "There is no trial 7.",
    "add y=1 --value 1": "Unknown parameter 'y'. Valid: w, x.",
    "add x=2 w=a --value 1": "add: x=2 is outside of interval(0.0, 1.0).",
    "add x=1 w=c --value 1": "add: w=c is outside of choice(a, '1').",
    "add x=1 --value 1": "add: w is missing: expected a value for each of x, w.",
    "add x=1 w=a --value nan": "add: --value: expected 1 finite number, got nan.",
    "add x=1 w=a --value 1 2": "add: --value: expected 1 finite number, got 1.0 2.0.",
}


@pytest.mark.parametrize(("words", "message"), MISTAKES.items(), ids=MISTAKES)
def test_a_mistake_is_told_and_changes_nothing(address, words, message):
    before = address.journal.read_bytes()
    what, *arguments = words.split(" ")
    with pytest.raises(SweepError) as told:
        main([what, str(address.folder), *arguments])
    assert message in str(told.value)
    assert address.journal.read_bytes() == before


def test_what_is_there_changes(address, capsys):
    folder = str(address.folder)
    main(["add", folder, "x=1", "w=1", "--value", "0.25"])
    assert "trial 2 done 0.25 -> added  x=1  +w='1'" in capsys.readouterr().out
    assert address.load().trials[2].params == {"x": 1.0, "+w": "'1'"}
    main(["add", folder, "x=1", "w=1", "--value", "0.5"])
    said = capsys.readouterr().out
    assert "Trial 2 has the same parameters." in said
    assert "It counts once hydra.sweeper.n_trials is at least 4; it is 3." in said
    main(["drop", folder, "1", "2"])
    assert [trial.state.name for trial in address.load().trials] == ["COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    main(["retry", folder])
    main(["retry", folder, "0"])
    trials = address.load().trials
    assert [trial.state.name for trial in trials] == ["WAITING"] * 3 + ["COMPLETE"]
    assert trials[0].params == {"x": 0.5, "+w": "a"}


def test_results_of_several_metrics(tmp_path):
    address = StudyAddress("toy", tmp_path)
    address.create(["minimize", "maximize"], {"space": WORDS})
    main(["add", str(tmp_path), "x=0", "w=a", "--value", "1", "2"])
    assert address.load().trials[0].values == [1.0, 2.0]
    with pytest.raises(SweepError, match=r"expected 2 finite numbers, got 1\.0"):
        main(["add", str(tmp_path), "x=0", "w=a", "--value", "1"])


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        (None, "is no sweep's folder: expected a journal in it. Of a sweep in a database, name that"),
        (
            "sqlite:////nowhere/study.db",
            "is no sweep's folder: expected one in sqlite:////nowhere/study.db",
        ),
    ],
)
def test_a_folder_without_a_study_is_told(tmp_path, storage, message):
    with pytest.raises(SweepError) as told:
        main(["retry", str(tmp_path), *(["--storage", storage] if storage else [])])
    assert message in str(told.value)
    assert list(tmp_path.iterdir()) == []


def test_a_space_that_is_a_function_takes_no_result(tmp_path):
    StudyAddress("toy", tmp_path).create(["minimize"], {"space": {"custom_search_space": "a.b"}})
    with pytest.raises(SweepError, match=r"the space of this study is a function, a\.b"):
        main(["add", str(tmp_path), "x=0", "--value", "1"])
