"""The commands to go on with, each one line, to be run in the folder where the sweep was started."""

import os
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import optuna
from hydra._internal.utils import get_args_parser
from optuna.trial import FrozenTrial

from hydra_sweep.report.in_hand import folder_in_hand, weights
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.space.text import text_of
from hydra_sweep.study.secrets import masked
from hydra_sweep.study.starts import OVERRIDES, STARTS, entry_of

SEEDS = 5
NO_RUN = ("hydra.mode", "hydra.sweep.", "hydra.sweeper.", "hydra.launcher.")
# of a sweep over seeds, which has its own
OF_SWEEP = ("study_name", "study", "n_trials", "params", "when", "prior", "custom_search_space")
OF_SWEEP += ("constraints", "enqueue", "warm_start", "stop", "timeout", "dry_run", "prefer")
OF_SWEEP += ("confirm", "repeats", "fidelity", "go_on")
# Each seed once, to its end. Not by the groups' names: a search may set a key that only its own choice has.
PLAIN = {"sampler": "optuna.samplers.RandomSampler", "pruner": "optuna.pruners.NopPruner"}


class Commands:
    """Of the study's trials, and of the sweep in its folder; each None where the study does not know how it
    was started, as of one that was begun by another tool."""

    def __init__(self, study: optuna.Study, folder: Path) -> None:
        self.name, self.folder = study.study_name, folder
        attrs = study.user_attrs
        self.starts, self.overrides = attrs.get(STARTS, []), attrs.get(OVERRIDES, [])
        self.trials = study.get_trials(deepcopy=False)

    def go_on(self) -> str | None:
        """The command that was given, with `study=new` made the study that it began."""
        if not self.starts:
            return None
        last = self.starts[-1]
        return _line(last, [*last["program"], *last["arguments"]])

    def single_run(self, trial: FrozenTrial) -> str | None:
        """Runs the trial alone, with what every trial had: on the CPU, and seeded, to the same value."""
        if not self.starts:
            return None
        start = self._start_of(trial)
        words = [*_flags(start), *_hydra_overrides(start, NO_RUN), *self._fixed(trial)]
        words = [*start["program"], *words, "hydra.mode=RUN", *to_overrides(trial.params)]
        return _line(start, words, threads=start["threads"])

    def with_seeds(self, trial: FrozenTrial) -> str | None:
        """Sweeps over other seeds of the trial, and shows their mean and standard deviation; None where the
        configuration has no `seed`, or the trial is of such a sweep."""
        start = self._start_of(trial)
        is_added = any(line.startswith(("+seed=", "++seed=")) for line in self._fixed(trial))
        if "seed" not in start or is_added or trial.params.keys() == {"seed"}:
            return None
        own = trial.params.get("seed", start["seed"])
        params = to_overrides({key: value for key, value in trial.params.items() if key != "seed"})
        given = [*self._fixed(trial), *params]
        seeds = [str(seed) for seed in range(1, SEEDS + 2) if seed != own][:SEEDS]
        left_out = ("hydra.mode", "hydra.sweep.dir", *(f"hydra/sweeper/{name}" for name in PLAIN))
        left_out += tuple(f"hydra.sweeper.{name}" for name in (*OF_SWEEP, *PLAIN))
        folder = _near(self.folder / "seeds" / str(trial.number), start)
        words = [
            *start["program"],
            "-m",
            *_flags(start),
            *_hydra_overrides(start, left_out),
            *(word for word in given if not word.startswith("seed=")),
            *(f"hydra.sweeper.{name}=null" for name in start["search"]),
            *(word for item in PLAIN.items() for word in _instead(*item)),
            f"hydra.sweeper.study_name={text_of(f'{self.name}_{trial.number}_seeds')}",
            f"hydra.sweep.dir={text_of(folder)}",
            f"hydra.sweeper.n_trials={SEEDS}",
            f"seed=choice({','.join(seeds)})",
        ]
        return _line(start, words)

    def of_best(self, trial: FrozenTrial) -> list[tuple[str, str]]:
        """What to do with the trial, each with its command: train it again, with other seeds, and, where it
        has a checkpoint of Lightning's, test and export it."""
        lines = [("Train it again", self.single_run(trial))]
        lines += [(f"Train it with {SEEDS} other seeds, each once: mean ± sd", self.with_seeds(trial))]
        home = folder_in_hand(self.folder, trial)
        if self.starts and home and any(file.suffix == ".ckpt" for file in weights(home)):
            start = self._start_of(trial)
            tool, where = [*start["python"], "-m", "hydra_sweep.lightning"], _near(home, start)
            lines.append(("Test it", shlex.join([*tool, "test", where])))
            to = _near(self.folder / f"{self.name}-{trial.number}.pt2", start)
            lines.append(("Export it", shlex.join([*tool, "export", where, "--to", to])))
        return [(label, line) for label, line in lines if line]

    def _start_of(self, trial: FrozenTrial) -> Mapping[str, Any]:
        return entry_of(self.starts, trial, self.trials)

    def _fixed(self, trial: FrozenTrial) -> list[str]:
        fixed = entry_of(self.overrides, trial, self.trials).get("overrides", ())
        return [masked(line) for line in fixed]


def _line(start: Mapping[str, Any], words: Iterable[str], threads: int | None = None) -> str:
    """A secret is passed on from the shell that it is run in."""
    values = {} if threads in (None, len(os.sched_getaffinity(0))) else {"OMP_NUM_THREADS": str(threads)}
    values = {**start["shell"], **values}
    assignments = [
        f"{name}={shlex.quote(value)}" if value is not None else f'{name}="${name}"'
        for name, value in values.items()
    ]
    return " ".join([*assignments, shlex.join(words)])


def _flags(start: Mapping[str, Any]) -> list[str]:
    """Where the configuration is, as the command line said it."""
    given = get_args_parser().parse_known_args(start["arguments"])[0]
    flags = {f"--config-{name}": getattr(given, f"config_{name}") for name in ("path", "name", "dir")}
    return [f"{flag}={value}" for flag, value in flags.items() if value]


def _hydra_overrides(start: Mapping[str, Any], left_out: tuple[str, ...]) -> list[str]:
    """Those of Hydra's own configuration, but for keys that begin so."""
    given = get_args_parser().parse_known_args(start["arguments"])[0].overrides
    keys = {line: line.lstrip("+~").partition("=")[0] for line in given}
    return [
        line
        for line, key in keys.items()
        if key.startswith(("hydra.", "hydra/")) and not _is_below(key, left_out)
    ]


def _is_below(key: str, names: tuple[str, ...]) -> bool:
    return any(key == name.rstrip(".") or key.startswith(f"{name.rstrip('.')}.") for name in names)


def _instead(name: str, target: str) -> list[str]:
    return [f"~hydra.sweeper.{name}", f"+hydra.sweeper.{name}._target_={target}"]


def _near(path: Path, start: Mapping[str, Any]) -> str:
    """The path from where the sweep was started, if it is below."""
    return os.path.relpath(path, start["cwd"]) if path.is_relative_to(start["cwd"]) else str(path)
