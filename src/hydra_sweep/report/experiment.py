"""A trial's configuration as an experiment: a yaml that says what differs from the application's defaults.

It is of the package `_global_`, as those in a group `experiment` are, and stands by itself: without the
search, and without the experiment, that the sweep was started with.
"""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Quote, QuotedString
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from hydra_sweep.space.compose import is_global
from hydra_sweep.sweep import Sweep

# the group and the name by which it is chosen where it lies: --config-dir=<sweep> +best=experiment
GROUP, NAME = "best", "experiment"
# of Hydra's own configuration: what acts on a run, but for the choices of what is a sweep's
OF_RUNS = ("callbacks", "job_logging", "hydra_logging", "verbose", "output_subdir", "run")
OF_JOBS = ("chdir", "env_set", "env_copy", "name")
OF_SWEEPS = ("hydra/sweeper", "hydra/launcher")


@dataclass
class Experiment:
    """`choices` of config groups that are others than the defaults', `added` those of groups that the
    defaults do not have, `values` all that differs then; `missing` are keys that it would have to take
    away, which no yaml does."""

    choices: dict[str, Any] = field(default_factory=dict)
    added: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    def text(self) -> str:
        chosen = [{f"override /{group}": choice} for group, choice in self.choices.items()]
        chosen += [{f"/{group}": choice} for group, choice in self.added.items()]
        defaults = {"defaults": [*chosen, "_self_"]} if chosen else {}
        return OmegaConf.to_yaml(OmegaConf.create({**defaults, **self.values}))


def experiment_of(sweep: Sweep, config: DictConfig) -> Experiment:
    """What has the application compose the configuration, a trial's. Raises HydraException where it no
    longer composes without a search."""
    master, loader = sweep.config, sweep.hydra_context.config_loader
    choices = config.hydra.runtime.choices
    wanted = {
        group: choice
        for group, choice in choices.items()
        if not group.startswith(OF_SWEEPS) and not (choice and is_global(loader, master, group, choice))
    }
    found = Experiment()
    base = _composed(sweep, found)
    known = base.hydra.runtime.choices
    found.choices = {group: one for group, one in wanted.items() if known.get(group, one) != one}
    if found.choices:
        base = _composed(sweep, found)
    known = base.hydra.runtime.choices
    found.added = {group: one for group, one in wanted.items() if group not in known and one is not None}
    if found.added:
        base = _composed(sweep, found)
    had, has = _plain(base), _plain(config)
    of_runs, now = had.pop("hydra"), _plain(master.hydra)
    has.pop("hydra")
    if has.get("test") is False:  # of trials: the best may see the test set
        has["test"] = had.get("test")
    found.values = _difference(had, has, found.missing)
    if hydra := _difference(_of_runs(of_runs), _of_runs(now), []):
        found.values["hydra"] = hydra
    return found


def _composed(sweep: Sweep, experiment: Experiment) -> DictConfig:
    """What the application composes with it, as it would if it lay in the sweep's folder."""
    master = sweep.config
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, GROUP, f"{NAME}.yaml")
        file.parent.mkdir()
        file.write_text(f"# @package _global_\n{experiment.text()}")
        places = [*master.hydra.searchpath, f"file://{folder}"]
        quoted = ",".join(QuotedString(place, Quote.single).with_quotes() for place in places)
        return sweep.hydra_context.config_loader.load_configuration(
            master.hydra.job.config_name,
            [f"hydra.searchpath=[{quoted}]", f"+{GROUP}={NAME}"],
            RunMode.MULTIRUN,  # in which a group without a default may be left open
        )


def _plain(config: DictConfig) -> dict[str, Any]:
    return OmegaConf.to_container(config, resolve=False)


def _of_runs(hydra: dict[str, Any]) -> dict[str, Any]:
    callbacks = hydra["callbacks"] or {}
    callbacks = {name: one for name, one in callbacks.items() if name != "hydra_sweep"}  # ours
    job = {key: hydra["job"].get(key) for key in OF_JOBS}
    return {**{key: hydra[key] for key in OF_RUNS}, "callbacks": callbacks, "job": job}


def _difference(had: Mapping[str, Any], has: Mapping[str, Any], missing: list[str], at: str = "") -> dict:
    """What is to be merged into one for the other; `missing` gets the keys that it would have to lose."""
    found: dict[str, Any] = {}
    missing += [f"{at}{key}" for key in had if key not in has]
    for key, value in has.items():
        if key not in had or type(had[key]) is not type(value):
            found[key] = value
        elif isinstance(value, dict):
            if below := _difference(had[key], value, missing, f"{at}{key}."):
                found[key] = below
        elif had[key] != value:
            found[key] = value
    return found
