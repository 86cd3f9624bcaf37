"""Loggers of a trial that goes on: what they have in the end is what one attempt would have logged."""

import csv
from pathlib import Path

import pytest
import yaml
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from hydra_sweep.lightning.loggers import go_on

KINDS = {"csv": CSVLogger, "tensorboard": TensorBoardLogger}
HPARAMS = {"lr": 0.1}


def points(kind: str, folder: Path) -> list[tuple[str, int, float]]:
    if kind == "csv":
        with open(folder / "metrics.csv", newline="") as file:
            rows = list(csv.DictReader(file))
        return [
            (key, int(row["step"]), float(row[key])) for row in rows for key in ("p-a", "p-b") if row[key]
        ]
    events = EventAccumulator(str(folder)).Reload()
    return [(key, one.step, one.value) for key in ("p-a", "p-b") for one in events.Scalars(key)]


CASES = [(kind, first, version) for kind in KINDS for first in (0, 1) for version in (None, "", 3)]
# Lightning has then removed the table
CASES = [case for case in CASES if case not in (("csv", 1, ""), ("csv", 1, 3))]


@pytest.mark.parametrize(("kind", "logs_first", "version"), CASES)
def test_what_is_logged_again_is_there_once(kind, logs_first, version, tmp_path):
    def attempt(first: int, last: int, again: bool) -> None:
        logger = KINDS[kind](tmp_path, name="", version=version, prefix="p")
        if logs_first:
            logger.log_hyperparams(HPARAMS)
        if again:
            go_on([logger], tmp_path)
        if not logs_first:
            logger.log_hyperparams(HPARAMS)
        for step in range(first, last):
            logger.log_metrics({"a": step / 2}, step)
            logger.log_metrics({"b": step / 4} if step % 2 else {"a": -step, "b": step / 4}, step)
        logger.save()  # as a checkpoint does; and it is killed

    attempt(0, 3, again=True)  # with nothing to go on from
    attempt(1, 5, again=True)
    attempt(5, 6, again=True)
    found = {"csv": "metrics.csv", "tensorboard": "events.*"}[kind]
    (folder,) = {path.parent for path in tmp_path.rglob(found)}
    assert folder.name == {None: "version_0", "": tmp_path.name, 3: "version_3"}[version]
    assert yaml.safe_load((folder / "hparams.yaml").read_text()) == HPARAMS
    a = [("p-a", step, value) for step in range(6) for value in ([step / 2] + [-step] * (1 - step % 2))]
    assert sorted(points(kind, folder)) == sorted([*a, *(("p-b", step, step / 4) for step in range(6))])


def test_half_a_line_of_a_killed_attempt_is_dropped(tmp_path):
    logger = CSVLogger(tmp_path, name="")
    logger.log_metrics({"a": 1.0, "b": 2.0}, 0)
    logger.finalize("failed")
    file = Path(logger.log_dir, "metrics.csv")
    with file.open("a") as table:
        table.write("3.0,")
    go_on([logger := CSVLogger(tmp_path, name="")], tmp_path)
    logger.log_metrics({"c": 4.0}, 1)
    logger.finalize("success")
    assert file.read_text().split() == ["a,b,c,step", "1.0,2.0,,0", ",,4.0,1"]


def test_a_logger_of_another_folder_is_left_alone(tmp_path):
    for _ in range(2):
        logger = CSVLogger(tmp_path / "shared", name="")
        go_on([logger], tmp_path / "0")
        logger.log_metrics({"a": 1.0}, 0)
        logger.finalize("success")
    assert len(list(tmp_path.rglob("metrics.csv"))) == 2
