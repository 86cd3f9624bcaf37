import json
import os
import re
import signal
import time
from types import SimpleNamespace

import pytest

from hydra_sweep.facts import write
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.supervisor import reporting as reporting_file
from hydra_sweep.supervisor.reporting import Reporting
from tests.hydra_sweep.facts.studies import drawn


@pytest.fixture(params=["journal", "sqlite", "postgresql"])
def reporting(request, tmp_path, monkeypatch) -> Reporting:
    """Of a study with three trials, which reports as soon as it is looked at."""
    storage = None if request.param == "journal" else f"sqlite:///{tmp_path}/study.db"
    if request.param == "postgresql":
        storage = request.getfixturevalue("postgres").new_database()
    return made(tmp_path, storage, monkeypatch)


@pytest.fixture
def of_journal(tmp_path, monkeypatch) -> Reporting:
    return made(tmp_path, None, monkeypatch)


def made(tmp_path, storage, monkeypatch) -> Reporting:
    monkeypatch.setattr(reporting_file, "EVERY_S", 0.0)
    monkeypatch.setattr(reporting_file, "PATIENCE_S", 60.0)
    address = StudyAddress("toy", tmp_path / "toy", storage)
    address.folder.mkdir()
    study = address.create(["minimize"], {"n_trials": 9})
    study.add_trials(drawn(3, len))
    return Reporting(SimpleNamespace(address=address), study)


def look(reporting: Reporting) -> None:
    """Until it has begun a report, and heard of its end."""
    reporting.look()
    assert reporting.pid
    reporting.connection.poll(60)
    reporting.look()
    assert not reporting.pid


def shown(reporting: Reporting) -> tuple[float | None, int]:
    """When the page is to be read again, and how many trials it has."""
    text = re.search(r'id="facts"[^>]*>(.*?)</script', reporting.file.read_text(), re.DOTALL)[1]
    data = json.loads(text)
    return data["refresh_s"], len(data["studies"][0]["trials"])


def test_reports_are_written_again_and_again_and_more_rarely_the_longer_they_take(reporting, capfd):
    look(reporting)
    assert shown(reporting) == (0.0, 3)
    seconds = reporting.every * reporting_file.SHARE
    assert 0 < seconds < 60
    assert reporting.next_at > time.monotonic() + reporting.every / 2
    reporting.look()
    assert not reporting.pid, "it is not time yet"
    StudyAddress.load(reporting.address).add_trials(drawn(2, len))
    reporting.begin_last()
    assert reporting.last() == [str(reporting.file)]
    assert shown(reporting) == (None, 5)
    assert len(reporting.study.get_trials()) == 5, "its own connection still serves"
    assert capfd.readouterr() == ("", "")


def test_one_that_fails_is_told_once_and_harms_nothing(of_journal, capfd, monkeypatch):
    def fail(*_):
        raise ValueError("no page\ntoday")

    monkeypatch.setattr(write, "report", fail)
    look(of_journal)
    of_journal.look()
    assert not of_journal.pid
    of_journal.begin_last()
    assert of_journal.last() == []
    said = f"The report {of_journal.file} was not written: ValueError: no page today\n"
    assert capfd.readouterr().out == 2 * said


def test_no_process_for_it(of_journal, capfd, monkeypatch):
    def refuse(*_):
        raise OSError("Cannot allocate memory")

    monkeypatch.setattr(of_journal, "begin", refuse)
    of_journal.look()
    of_journal.begin_last()
    assert of_journal.last() == []
    assert "was not written: Cannot allocate memory" in capfd.readouterr().out


def test_one_that_is_killed(of_journal, capfd, monkeypatch):
    monkeypatch.setattr(write, "report", lambda *_: os.kill(os.getpid(), signal.SIGKILL))
    look(of_journal)
    assert "was not written: its process was killed" in capfd.readouterr().out


def test_the_last_one_does_not_wait_for_the_one_before(of_journal, monkeypatch):
    part = []

    def slow(seen, file, refresh_s):
        if refresh_s is not None:
            write.part_of(file, os.getpid()).touch()
            time.sleep(60)
        file.write_text("the last")

    monkeypatch.setattr(write, "report", slow)
    of_journal.look()
    while not (part := list(of_journal.file.parent.glob(".report*"))):
        time.sleep(0.01)
    of_journal.begin_last()
    assert of_journal.last() == [str(of_journal.file)]
    assert of_journal.file.read_text() == "the last"
    assert not part[0].exists()


def test_the_end_of_a_sweep_waits_a_moment_only(of_journal, monkeypatch):
    monkeypatch.setattr(write, "report", lambda *_: time.sleep(60))
    monkeypatch.setattr(reporting_file, "PATIENCE_S", 0.1)
    of_journal.begin_last()
    begun = time.monotonic()
    assert of_journal.last() == [str(of_journal.file)]
    assert time.monotonic() - begun < 10
    of_journal.stop()
