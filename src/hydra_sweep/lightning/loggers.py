"""Lightning's loggers in a trial that goes on: in the files of the attempt before, not in others."""

import csv
import re
import shutil
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from lightning.fabric.utilities.logger import _add_prefix
from lightning.pytorch.loggers import CSVLogger, Logger, TensorBoardLogger, WandbLogger
from lightning.pytorch.loggers.csv_logs import ExperimentWriter

# how often a key was logged at a step
Seen = Counter[tuple[str, int]]


def go_on(loggers: Iterable[Logger], folder: Path) -> None:
    """Has CSVLogger, TensorBoardLogger and WandbLogger go on with what an earlier attempt at the trial of
    this folder has logged. What was logged then is not logged again; W&B sees to that by itself.

    Hyperparameters may have been logged before, but not to W&B: its run would be another.
    """
    for logger in loggers:
        where = Path(logger.save_dir or ".").absolute()
        if not where.is_relative_to(folder.absolute()):
            continue  # of others, too
        if isinstance(logger, WandbLogger):
            _go_on_wandb(logger, where)
        elif isinstance(logger, CSVLogger | TensorBoardLogger) and _take_last_version(logger):
            seen = (_go_on_csv if isinstance(logger, CSVLogger) else _seen_tensorboard)(logger)
            logger.log_metrics = partial(_log_new, logger, logger.log_metrics, seen)


def _take_last_version(logger: CSVLogger | TensorBoardLogger) -> bool:
    """Whether there is an earlier one."""
    if logger._version is None:
        if not (following := logger._get_next_version()):
            return False
        logger._version = following - 1
    elif logger._experiment and isinstance(logger._version, int):
        own, earlier = Path(logger.log_dir), logger._version - 1
        if own.with_name(f"version_{earlier}").exists():  # hyperparameters were logged to one of its own
            if isinstance(logger, TensorBoardLogger):
                logger._experiment.close()
                logger._experiment = None
            shutil.rmtree(own)
            logger._version = earlier
    return Path(logger.log_dir).exists()


def _go_on_csv(logger: CSVLogger) -> Seen:
    before, writer = logger._experiment, GoingOn(logger.log_dir)
    if before is not None:
        writer.hparams, writer.metrics = before.hparams, before.metrics
    logger._experiment = writer
    return writer.seen


class GoingOn(ExperimentWriter):
    """Lightning's, which begins with the table that is there instead of removing it."""

    def __init__(self, log_dir: str) -> None:
        super().__init__(log_dir)
        self.seen: Seen = Counter()
        file = Path(self.metrics_file_path)
        if not file.exists():
            return
        whole = file.read_bytes()
        file.write_bytes(whole := whole[: whole.rfind(b"\n") + 1])  # it may have been killed in a line
        table = csv.DictReader(whole.decode().splitlines())
        for row in table:
            self.seen.update((key, int(row["step"])) for key, value in row.items() if value)
        self.metrics_keys = list(table.fieldnames or ())

    def _check_log_dir_exists(self) -> None:
        pass


def _seen_tensorboard(logger: TensorBoardLogger) -> Seen:
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:  # with tensorboardX alone some is logged twice
        return Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        events = EventAccumulator(logger.log_dir, {"scalars": 0}).Reload()
    return Counter((key, event.step) for key in events.Tags()["scalars"] for event in events.Scalars(key))


def _log_new(
    logger: Logger, log_metrics: Any, seen: Seen, metrics: Mapping[str, Any], step: int | None = None
) -> None:
    names = _add_prefix(dict.fromkeys(metrics), logger._prefix, logger.LOGGER_JOIN_CHAR)
    new: dict[str, Any] = {}
    for (name, value), shown in zip(metrics.items(), names, strict=True):
        seen[shown, step or 0] -= 1
        if seen[shown, step or 0] < 0:
            new[name] = value
    if new:
        log_metrics(new, step)


def _go_on_wandb(logger: WandbLogger, where: Path) -> None:
    """The id of the run, as W&B's folder has it: run-<time>-<id>, offline-run-<time>-<id>."""
    last = where / "wandb" / "latest-run"
    if logger._experiment is None and not logger._id and last.exists():
        logger._id = logger._wandb_init["id"] = re.sub(r"(offline-)?run-\d+_\d+-", "", last.resolve().name)
