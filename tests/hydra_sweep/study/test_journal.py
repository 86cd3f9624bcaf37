import multiprocessing
import os
import resource
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import UpdateFinishedTrialError
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.errors import SweepError
from hydra_sweep.study import journal, queue
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials

HALF = b'{"op_code":8,"worker_id":"a","trial_id":0,"user_a'


@pytest.fixture
def address(tmp_path: Path) -> StudyAddress:
    address = StudyAddress("toy", tmp_path)
    study = address.create(["maximize"], {})
    for _ in range(3):
        study.add_trial(optuna.create_trial(state=TrialState.WAITING))
    return address


def claim(study: optuna.Study) -> FrozenTrial:
    return queue.claim(Trials(study, 3).read(), "one")


def test_half_a_last_line_costs_no_more_than_itself(address):
    old = address.load()  # has read it all, and remembers where it ends
    whole = address.journal.read_bytes()
    with open(address.journal, "ab") as file:
        file.write(HALF)
    assert len(address.load().trials) == len(old.trials) == 3
    assert address.journal.read_bytes() == whole + HALF  # reading changes nothing

    new = address.load()
    claimed = claim(new)
    assert HALF not in address.journal.read_bytes()
    assert address.journal.read_bytes().startswith(whole)
    assert claim(old).number == claimed.number + 1
    assert queue.tell(old, claimed, Outcome(TrialState.COMPLETE, [1.0]))
    assert [t.state.name for t in address.load().trials] == ["COMPLETE", "RUNNING", "WAITING"]


def test_a_journal_that_is_one_half_line_starts_anew(tmp_path):
    address = StudyAddress("toy", tmp_path)
    address.journal.write_bytes(HALF)
    assert address.load_existing() is None
    assert address.create(["maximize"], {}).trials == []
    assert HALF not in address.journal.read_bytes()


def _write_too_much(address: StudyAddress, said: multiprocessing.Queue) -> None:
    study = address.load()
    limit = address.journal.stat().st_size + 40
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        study.set_user_attr("long", "x" * 1000)
    except OSError as error:
        said.put(str(error))


def test_a_write_that_fails_half_way_leaves_a_journal_to_go_on_with(address):
    study = address.load()
    fork = multiprocessing.get_context("fork")
    said = fork.Queue()
    child = fork.Process(target=_write_too_much, args=(address, said))
    child.start()
    assert str(address.journal) in said.get(timeout=30)
    child.join()
    assert not address.journal.read_bytes().endswith(b"\n")
    study.set_user_attr("short", 1)
    assert address.load().user_attrs == study.user_attrs == {"short": 1}


def test_an_error_of_the_lock_leaves_it_free(address):
    study = address.load()
    os.rename(address.journal, f"{address.journal}.away")
    with pytest.raises(OSError, match=r"study\.journal"):
        study.set_user_attr("a", 1)
    os.rename(f"{address.journal}.away", address.journal)
    study.set_user_attr("a", 2)
    assert address.load().user_attrs == {"a": 2}


@pytest.mark.parametrize("garbage", [b"no journal", b"no journal\n", b"\0" * 99, b'{"a": 1}'])
def test_what_is_no_journal_is_left_alone(tmp_path, garbage):
    address = StudyAddress("toy", tmp_path)
    address.journal.write_bytes(garbage)
    with pytest.raises(SweepError, match=r"study\.journal is not a journal of Optuna\. Move it away"):
        address.load_existing()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [garbage]


def test_a_damaged_journal_is_said_in_a_line(address):
    lines = address.journal.read_bytes().splitlines(keepends=True)
    address.journal.write_bytes(lines[0] + HALF + b"".join(lines[1:]))
    with pytest.raises(SweepError, match=r"study\.journal is damaged.*Restore it"):
        address.load_existing()


def test_an_error_of_the_disk_names_the_file(address, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(journal.os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: .*study\.journal"):
        address.load().set_user_attr("a", 1)
    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(SweepError, match=r"study\.journal: OSError.*No space left on device"):
        address.load()


def test_parameters_that_are_set_together_are_one_write_and_what_is_announced_is_another(address):
    study, other = address.load(), address.load()
    trial = optuna.Trial(study, claim(study)._trial_id)
    with study._storage.params_together():
        x = trial.suggest_float("x", 0, 1)
        trial.set_user_attr("seen", "at once")
        y = trial.suggest_int("y", 1, 9)
        assert other.trials[0].user_attrs["seen"] == "at once"
        assert other.trials[0].params == {}
    assert study.trials[0].params == other.trials[0].params == trial.params == {"x": x, "y": y}


def test_parameters_of_a_trial_that_has_ended_are_an_error_of_whoever_sets_them(address):
    study, other = address.load(), address.load()
    trial = optuna.Trial(study, claim(study)._trial_id)

    def suggest_too_late() -> None:
        with study._storage.params_together():
            trial.suggest_float("x", 0, 1)
            other.tell(trial.number, 1.0)

    with pytest.raises(UpdateFinishedTrialError):
        suggest_too_late()
    assert other.trials[0].params == {}
