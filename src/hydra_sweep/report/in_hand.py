"""The best in hand, `<sweep>/best`: the winner; of several objectives the one that `hydra.sweeper.prefer`
names first, and below it, by its number, each trial of the Pareto front.

    experiment.yaml   its configuration: --config-dir=<sweep> +best=experiment, or in configs/experiment
    metrics.yaml      which trial it is, its values, and all last metrics that are known
    start.json        where its code is, and what that takes from the environment
    .hydra/           its configuration in full
    …                 its checkpoints, as they lie in its own folder

It is made anew where it is of another trial, and replaced as a whole.
"""

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import optuna
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from optuna.trial import FrozenTrial

from hydra_sweep.code.version import CODE
from hydra_sweep.console import say
from hydra_sweep.errors import DOES_NOT_COMPOSE, one_line
from hydra_sweep.report.experiment import GROUP, NAME, Experiment, experiment_of
from hydra_sweep.report.words import counted, metric_names
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.study.starts import OVERRIDES, STARTS, entry_of
from hydra_sweep.study.sweep_study import METRICS
from hydra_sweep.study.trial_folder import files_of_run, folder_of
from hydra_sweep.sweep import Sweep

# which says whose the folder is
FILE = "metrics.yaml"
WEIGHTS = {".ckpt", ".pt", ".pth", ".safetensors"}
# numbers among a trial's attributes that are no measures
OWN = {"attempt", "losses", "step"}


def keep_best(best: Sequence[FrozenTrial], study: optuna.Study, sweep: Sweep) -> None:
    """Has `best/` be of these trials, the best or the preferred first; says so where it cannot be."""
    folder, new = sweep.address.folder / GROUP, sweep.address.folder / f".{GROUP}.new"
    places = _places(best, sweep)
    if folder.exists() and not _is_ours(folder):
        say(f"{folder} is not the sweep's: the best is not put there. Move it away.")
        return
    if all(_is_of(folder / place, trial) for place, trial in places.items()) and _n(folder) == len(places):
        return
    try:
        shutil.rmtree(new, ignore_errors=True)
        for place, trial in places.items():
            _write(new / place, trial, study, sweep)
        _replace(folder, new)
    except (OSError, *DOES_NOT_COMPOSE) as error:  # no reason to withhold the results
        say(f"{folder} could not be written: {one_line(error)}")


def folder_in_hand(sweep: Path, trial: FrozenTrial) -> Path | None:
    """Where in `best/` a trial is, if it is there."""
    places = (sweep / GROUP, sweep / GROUP / str(trial.number))
    return next((place for place in places if _is_of(place, trial)), None)


def whats_in(folder: Path) -> str:
    """In words."""
    n = len(weights(folder))
    return f"configuration, metrics, {counted(n, 'checkpoint') if n else 'no checkpoint'}"


def weights(folder: Path) -> list[Path]:
    """The checkpoints of a trial, Lightning's and other ones."""
    return sorted(file for file in files_of_run(folder) if file.suffix in WEIGHTS)


def _places(best: Sequence[FrozenTrial], sweep: Sweep) -> dict[str, FrozenTrial]:
    """The trials by their folder in `best/`, which itself is `.`."""
    if len(sweep.settings.directions) == 1:
        return {".": best[0]} if best else {}
    preferred = {".": best[0]} if best and sweep.settings.prefer else {}
    return {**preferred, **{str(trial.number): trial for trial in best}}


def _is_of(folder: Path, trial: FrozenTrial) -> bool:
    with suppress(OSError, OmegaConfBaseException, KeyError):
        known = OmegaConf.load(folder / FILE)
        return (known["trial"], known["ended"]) == (trial.number, str(trial.datetime_complete))
    return False


def _is_ours(folder: Path) -> bool:
    return _n(folder) > 0 or not any(folder.iterdir())


def _n(folder: Path) -> int:
    """How many trials are there."""
    return sum((place / FILE).is_file() for place in (folder, *folder.glob("*/")))


def _write(folder: Path, trial: FrozenTrial, study: optuna.Study, sweep: Sweep) -> None:
    own = folder_of(sweep.address.folder, trial.number)
    folder.mkdir(parents=True, exist_ok=True)
    for file in weights(own):
        _link(file, folder / file.relative_to(own))
    overrides = entry_of(study.user_attrs.get(OVERRIDES, []), trial, study.get_trials(deepcopy=False))
    fixed = list(overrides.get("overrides", sweep.space.fixed))
    config = _configuration(own, [*fixed, *to_overrides(trial.params)], sweep)
    _save(config, folder / ".hydra")
    experiment = experiment_of(sweep, config)
    (folder / f"{NAME}.yaml").write_text(_head(trial, study, sweep, experiment) + experiment.text())
    metrics = {
        "study": study.study_name,
        "trial": trial.number,
        "ended": str(trial.datetime_complete),
        "values": dict(zip(metric_names(sweep), trial.values, strict=True)),
        "metrics": {**trial.user_attrs.get(METRICS, {}), **dict(_told(trial))},
    }
    OmegaConf.save(metrics, folder / FILE)
    if starts := study.user_attrs.get(STARTS):
        start = entry_of(starts, trial, study.get_trials(deepcopy=False))
        kept = {key: start[key] for key in ("path", "environment")}
        (folder / "start.json").write_text(json.dumps(kept, indent=1))


def _link(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(file.resolve(), to)
    except OSError:  # another file system, or one without links
        shutil.copy2(file, to)


def _configuration(own: Path, overrides: list[str], sweep: Sweep) -> DictConfig:
    """What a trial was run with; where its folder does not say, what the overrides make today."""
    files = own / str(sweep.config.hydra.output_subdir)
    with suppress(FileNotFoundError):
        return OmegaConf.merge(OmegaConf.load(files / "hydra.yaml"), OmegaConf.load(files / "config.yaml"))
    return sweep.hydra_context.config_loader.load_sweep_config(sweep.config, overrides)


def _save(config: DictConfig, folder: Path) -> None:
    """As Hydra does."""
    folder.mkdir()
    OmegaConf.save(OmegaConf.masked_copy(config, ["hydra"]), folder / "hydra.yaml")
    task = [key for key in config if key != "hydra"]
    OmegaConf.save(OmegaConf.masked_copy(config, task), folder / "config.yaml")


def _head(trial: FrozenTrial, study: optuna.Study, sweep: Sweep, experiment: Experiment) -> str:
    directions = sweep.settings.directions
    each = zip(metric_names(sweep), trial.values, directions, strict=True)
    values = ", ".join(f"{name} {value:.6g} ({direction})" for name, value, direction in each)
    code = entry_of(study.user_attrs.get(CODE, []), trial, study.get_trials(deepcopy=False))
    diff = f" with changes ({code['diff']})" if code.get("diff") else ""
    lines = [
        "# @package _global_",
        "",
        f"# Trial {trial.number} of {study.study_name}: {values}",
        f"# Ended {trial.datetime_complete:%Y-%m-%d %H:%M}; code {code.get('commit', 'unknown')}{diff}",
        f"# Here: --config-dir={sweep.address.folder} +{GROUP}={NAME}; or copied to configs/experiment",
    ]
    if experiment.missing:
        deleted = " ".join(f"~{key}" for key in experiment.missing)
        lines.append(f"# and, for a yaml takes nothing away: {deleted}")
    return "\n".join([*lines, "", ""])


def _told(trial: FrozenTrial) -> Iterator[tuple[str, float]]:
    for name, value in trial.user_attrs.items():
        if isinstance(value, int | float) and not isinstance(value, bool) and name not in OWN:
            yield name, value


def _replace(folder: Path, new: Path) -> None:
    old = folder.with_name(f".{GROUP}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        folder.rename(old)
    if new.exists():  # not where there is no best any more
        new.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
