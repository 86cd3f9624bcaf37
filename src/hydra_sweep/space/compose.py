"""Trials' configurations."""

import os
from collections.abc import Callable, Iterable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.config_repository import IConfigRepository
from hydra.core.config_loader import ConfigLoader
from hydra.core.hydra_config import HydraConfig
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.types import HydraContext
from omegaconf import MISSING, DictConfig, OmegaConf, open_dict, read_write

T = TypeVar("T")


@dataclass
class Composer:
    """Composes the configuration of a trial from that of an example, and that from the sweep's own, where
    only values differ.

    Hydra takes a tenth of a second to compose one; setting values takes a millisecond, and gives the
    same. Where the overrides choose config groups, or are for other keys, Hydra composes anew.
    """

    loader: ConfigLoader
    master: DictConfig
    fixed: list[str]
    example_overrides: list[str]

    def __post_init__(self) -> None:
        parsed = _parse(self.example_overrides)
        self.keys = [] if any(map(self._is_group, parsed)) else [o.get_key_element() for o in parsed]
        self.sets_values = self._is_like_example(parsed)  # in place, and composes nothing anew
        self.parsed = _parse(self.fixed)
        given = [*self.parsed, *parsed]
        # Hydra has composed the sweep's own of these, and left what is searched out.
        had = [one for one in _parse(given_overrides(self.master, "task")) if not one.is_sweep_override()]
        others = given[len(had) :]
        goes_on = _lines(given)[: len(had)] == _lines(had) and not _lacks_what_a_job_has(self.master)
        can_set = goes_on and not any(map(self._is_group, others))
        self.example = self._with(others, parsed) if can_set else self.in_full(self.example_overrides)

    def in_full(self, overrides: list[str]) -> DictConfig:
        return self.loader.load_sweep_config(self.master, [*self.fixed, *overrides])

    def in_place(self, overrides: list[str]) -> DictConfig:
        """The configuration; the example is lost, so this is for a forked child."""
        parsed = _parse(overrides)
        if not self._is_like_example(parsed):
            return self.in_full(overrides)
        config = self.example
        for override in parsed:
            OmegaConf.update(config, override.key_or_group, override.value(), merge=True)
        self._name(config, parsed)
        return config

    def read(self, overrides: list[str], reader: Callable[[DictConfig], T]) -> T:
        """What the reader makes of the configuration, which it is to leave as it is."""
        config = self.in_place(overrides)
        try:
            return reader(config)
        finally:
            if config is self.example:
                self.in_place(self.example_overrides)

    def _with(self, others: list[Override], example: list[Override]) -> DictConfig:
        """The example, from what Hydra composed for the sweep: that has no searched values, and the fixed
        ones of the command line alone."""
        config = deepcopy(self.master)
        OmegaConf.copy_cache(from_config=self.master, to_config=config)
        OmegaConf.set_readonly(config.hydra, False)  # as of what Hydra composes
        ConfigLoaderImpl._apply_overrides_to_config(others, config)
        config.hydra.runtime.cwd = os.getcwd()
        self._name(config, example)
        return config

    def _name(self, config: DictConfig, overrides: list[Override]) -> None:
        both, job = [*self.parsed, *overrides], config.hydra.job
        given = [override for override in both if not override.is_hydra_override()]
        of_hydra = _lines(override for override in both if override.is_hydra_override())
        with read_write(config.hydra):
            config.hydra.overrides.task = _lines(given)
            if of_hydra:
                config.hydra.overrides.hydra = [*given_overrides(self.master, "hydra"), *of_hydra]
            job.override_dirname = get_overrides_dirname(
                given, **OmegaConf.to_container(job.config.override_dirname)
            )

    def _is_like_example(self, overrides: list[Override]) -> bool:
        # A dict or list would be merged into the example's.
        return [override.get_key_element() for override in overrides] == self.keys and all(
            isinstance(override.value(), str | int | float | None) for override in overrides
        )

    def _is_group(self, override: Override) -> bool:
        # as Hydra tells the two apart
        options = group_options(self.loader, self.master, override.key_or_group)
        return override.package is not None or bool(options)


class JobLoader:
    """What a launcher asks of Hydra's loader for its jobs, whose configurations differ from the sweep's in
    values: spares each worker the tenth of a second."""

    ready: Composer | None = None

    def __init__(self, context: HydraContext) -> None:
        self.context = context  # whose loader may become another's: a snapshot's

    def get_ready(self, master: DictConfig, overrides: list[str], own: list[str]) -> None:
        """Composes what jobs that are forks of this process have alike; `own` is as what one has alone."""
        if not self.ready or self.ready.fixed != overrides:
            self.ready = Composer(self.context.config_loader, master, overrides, own)

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        ready, self.ready = self.ready, None  # once: it is lost by it
        if ready and sweep_overrides[: (n := len(ready.fixed))] == ready.fixed:
            return ready.in_place(sweep_overrides[n:])
        return Composer(self.context.config_loader, master_config, sweep_overrides, []).example


def as_job(config: DictConfig, number: int, job_id: str) -> DictConfig:
    """The configuration, made that of a job as Hydra's launchers do, and the one that `${hydra:…}` is of in
    this process. Its output folder is the one that it asks for."""
    with read_write(config.hydra), open_dict(config.hydra):
        config.hydra.job.num, config.hydra.job.id = number, job_id
    # also while its own name is resolved, which Hydra would make `None`
    _set_output_dir(config, "")
    _set_output_dir(config, str(config.hydra.sweep.subdir))
    return config


def _set_output_dir(config: DictConfig, subdir: str) -> None:
    with read_write(config.hydra):
        config.hydra.runtime.output_dir = os.path.abspath(os.path.join(config.hydra.sweep.dir, subdir))
    in_force(config)


def in_force(config: DictConfig) -> DictConfig:
    """The configuration, which from now on is the one that `${hydra:…}` is of in this process."""
    OmegaConf.set_readonly(config.hydra, True)
    # set_config would take a copy, in some milliseconds
    HydraConfig.instance().cfg = config
    return config


def is_of_one_trial(node: DictConfig) -> bool:
    """Whether a node of the configuration in force names something in the trial's own folder."""
    return HydraConfig.get().runtime.output_dir in str(OmegaConf.to_container(node, resolve=True))


def group_options(loader: ConfigLoader, master: DictConfig, group: str) -> list[str]:
    """The choices of a config group, those in its folders and in hydra.searchpath included; none where it
    is no group."""
    repository = _repository_of(loader, master)
    options = repository.get_group_options(group, ObjectType.CONFIG)
    for name in repository.get_group_options(group, ObjectType.GROUP):
        options += [f"{name}/{option}" for option in group_options(loader, master, f"{group}/{name}")]
    return options


def is_global(loader: ConfigLoader, master: DictConfig, group: str, choice: str) -> bool:
    """Whether what is chosen has keys of the whole configuration, as an experiment or a search has."""
    group, _, package = group.partition("@")
    found = _repository_of(loader, master).load_config(f"{group}/{choice}")
    return "_global_" in (package, found and found.header["package"])


def _repository_of(loader: ConfigLoader, master: DictConfig) -> IConfigRepository:
    given = given_overrides(master, "hydra")
    search_path = tuple(line for line in given if line.lstrip("+~").startswith("hydra.searchpath"))
    return _repository(loader, master.hydra.job.config_name, search_path)


@cache
def _repository(loader: ConfigLoader, config_name: str, overrides: tuple[str, ...]) -> IConfigRepository:
    """Of all places where the loader looks. It would make one for each question, in 10 ms."""
    return loader._parse_overrides_and_create_caching_repo(config_name, list(overrides))[1]


def given_overrides(master: DictConfig, kind: str) -> list[str]:
    """The command line's overrides of a kind, `hydra` or `task`, as they were written; iterated as a node,
    interpolations in them would be resolved."""
    return OmegaConf.to_container(master.hydra.overrides, resolve=False)[kind]


def _lacks_what_a_job_has(master: DictConfig) -> bool:
    """Whether the sweep's own configuration is without a group that a job must be given, or with this
    process's variables where a job is to have its own."""
    choices = OmegaConf.to_container(master.hydra.runtime.choices)
    return MISSING in choices.values() or bool(master.hydra.job.env_copy)


def _parse(overrides: list[str]) -> list[Override]:
    return OverridesParser.create().parse_overrides(overrides)


def _lines(overrides: Iterable[Override]) -> list[str]:
    return [override.input_line for override in overrides]
