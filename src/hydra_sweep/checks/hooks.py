"""What the hooks `check` say of a task's configuration."""

from collections.abc import Iterator
from copy import deepcopy

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.utils import get_method
from omegaconf import DictConfig, ListConfig, OmegaConf
from optuna.distributions import CategoricalDistribution

from hydra_sweep.errors import SweepError, one_line
from hydra_sweep.space.compose import in_force
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.sweep import Plan, Sweep

PLAIN = str | int | float | ListConfig


def check_task(sweep: Sweep, cfgs: list[DictConfig], plan: Plan) -> None:
    """Has the hooks look at the examples, and at the first with each searched value at its ends."""
    for path in sweep.settings.hooks("check"):
        for cfg in (*cfgs, *_at_ends(sweep, cfgs[0])):
            try:
                get_method(path)(in_force(cfg), plan)
            except SweepError:
                raise
            except Exception as error:  # of the user's function
                said = f"{type(error).__name__}: {one_line(error)}"
                raise SweepError(f"hydra.sweeper.check={path}: {said}") from error


def _at_ends(sweep: Sweep, cfg: DictConfig) -> Iterator[DictConfig]:
    """The configuration with each searched value in turn at its least and greatest, or each of its choices.
    Of plain values and lists: config groups are composed."""
    for key, one in sweep.space.distributions.items():
        ends = one.choices if isinstance(one, CategoricalDistribution) else (one.low, one.high)
        lines = [line for end in ends for line in to_overrides({key: end})]
        path = key.lstrip("+")
        if isinstance(OmegaConf.select(cfg, path, throw_on_resolution_failure=False), PLAIN):
            varied = deepcopy(cfg)  # once, for each value takes the place of the one before
            for override in OverridesParser.create().parse_overrides(lines):
                OmegaConf.update(varied, path, override.value())
                yield varied
