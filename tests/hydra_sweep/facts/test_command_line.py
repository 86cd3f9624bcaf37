import json
import os
import re
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from hydra_sweep.__main__ import main
from hydra_sweep.errors import SweepError
from hydra_sweep.facts.write import write_report
from hydra_sweep.study.folder import make_home
from hydra_sweep.study.storage import StudyAddress
from tests.hydra_sweep.facts.studies import drawn, trial


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """With two sweeps of ours, one in a database, and two studies of another program."""
    tmp_path = tmp_path_factory.mktemp("here")
    before = Path.cwd()
    os.chdir(tmp_path)
    for name, storage in (("toy", None), ("other", "sqlite:///ours.db")):
        address = StudyAddress(name, tmp_path / name, storage)
        address.folder.mkdir()
        study = address.create(["minimize"], {"n_trials": 4})
        make_home(study, address)
        study.add_trials(drawn(3, len))
    (tmp_path / "starting").mkdir()
    (tmp_path / "starting/study.journal").touch()
    for name in ("a", "b"):
        for storage in ("sqlite:///theirs.db", JournalStorage(JournalFileBackend("theirs.log"))):
            optuna.create_study(study_name=name, storage=storage).add_trials(drawn(2, len))
    os.chdir(before)
    return tmp_path


@pytest.fixture(autouse=True)
def here(folder: Path, monkeypatch) -> Path:
    monkeypatch.chdir(folder)
    return folder


def shown(file: str) -> list[tuple[str, int]]:
    text = re.search(r'id="facts"[^>]*>(.*?)</script', Path(file).read_text(), re.DOTALL)[1]
    return [(study["name"], len(study["trials"])) for study in json.loads(text)["studies"]]


ASKED = {
    "toy": ("toy/report.html", [("toy", 3)]),
    "toy --to x.html": ("x.html", [("toy", 3)]),
    "other --storage sqlite:///ours.db": ("other/report.html", [("other", 3)]),
    "--storage sqlite:///ours.db": ("other/report.html", [("other", 3)]),
    "--storage sqlite:///theirs.db --study b": ("report.html", [("b", 2)]),
    "theirs.db --study b --study a": ("report.html", [("b", 2), ("a", 2)]),
    "theirs.log --study a": ("report.html", [("a", 2)]),
    "toy ours.db": ("report.html", [("toy", 3), ("other", 3)]),
}
MISTAKES = {
    "nowhere": "/nowhere is no sweep's folder: expected a study.journal in it, or its storage by "
    "--storage=URL. Sweeps near:",
    "other": "expected a study.journal in it, or its storage",
    "": "report: expected a sweep's folder, or --storage=URL. Sweeps near: starting, toy.",
    "theirs.db": "theirs.db: expected --study=NAME, one of: a, b.",
    "theirs.log": "theirs.log: expected --study=NAME, one of: a, b.",
    "theirs.db --study c": "Unknown study 'c'. Valid: a, b.",
    "--storage sqlite:///no.db": "no.db: expected the storage of a study.",
    "--storage no.log": "no.log: expected the URL of a storage, or the file of a journal or sqlite.",
    "toy --to no/report.html": "no/report.html cannot be written: No such file or directory.",
    "starting": "starting: its sweep is only starting: there is no study yet.",
    "other --storage sqlite:///ours.db --study toy": "other is of the study other, not toy: leave one of",
    "toy --study c": "Unknown study 'c'. Valid: toy.",
}


@pytest.mark.parametrize(("words", "expected"), ASKED.items(), ids=list(ASKED))
def test_a_report_of_what_is_asked_for(here, capsys, words, expected):
    file, studies = expected
    main(["report", *words.split()])
    assert capsys.readouterr().out == f"report: {here / file}\n"
    assert shown(file) == studies


@pytest.mark.parametrize(("words", "message"), MISTAKES.items(), ids=list(MISTAKES))
def test_a_mistake_is_told_and_nothing_is_written(here, words, message):
    before = {path: path.read_bytes() for path in here.rglob("*") if path.is_file()}
    with pytest.raises(SweepError) as told:
        main(["report", *words.split()])
    assert message in str(told.value)
    assert "\n" not in str(told.value)
    assert {path: path.read_bytes() for path in here.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(("to", "link"), [("toy/report.html", "1"), ("x.html", "toy/1")])
def test_the_links_lead_from_where_the_report_is(here, to, link):
    (here / "toy/1").mkdir(exist_ok=True)
    main(["report", "toy", f"--to={to}"])
    assert re.findall(r'"folder":"([^"/]*/?1)"', Path(to).read_text()) == [link]


# what attributes of ours are called, with values that are not ours
NOT_OURS = {"metric": 3, "space": "big", "code": "c", "stopped": None, "starts": "x", "n_trials": "many"}
NOT_OURS |= {"overrides": 1, "home": "here", "repeats": 5, "constraints": 2.0, "started workers": 7}
OF_A_TRIAL = {"reason": {"a": 1}, "attempts": 3, "repeats": 5, "worker": 7, "attempt": "b", "metrics": 1}


def test_attributes_of_another_program_mean_nothing(tmp_path, capsys):
    study = optuna.create_study(storage=f"sqlite:///{tmp_path}/a.db", study_name="a")
    optuna.create_study(storage=study._storage, study_name="a_confirm").add_trials(drawn(2, len))
    for key, value in NOT_OURS.items():
        study.set_user_attr(key, value)
    study.add_trials([trial({"opt": "adam"}, value, **OF_A_TRIAL) for value in (2.0, 1.0, None)])
    main(["report", f"--storage=sqlite:///{tmp_path}/a.db", "--study=a", f"--to={tmp_path}/a.html"])
    assert shown(f"{tmp_path}/a.html") == [("a", 3)]
    main(["status", f"--storage=sqlite:///{tmp_path}/a.db", "--study=a"])
    assert "best value 1, trial 1" in capsys.readouterr().out


def test_the_last_report_stays_where_another_cannot_be_made(here):
    file = here / "report.html"
    file.write_text("the last")
    with pytest.raises(ValueError, match="JSON"):
        write_report({"made": float("nan"), "studies": []}, file)
    assert file.read_text() == "the last"
    assert not [name for name in os.listdir(here) if name.startswith(".report")]
