"""Which values a distribution has, whoever says them."""

from typing import Any

from omegaconf import OmegaConf
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from hydra_sweep.space.text import scalar, text_of, text_of_option


def read(distribution: BaseDistribution, value: Any, is_group: bool = False) -> Any:
    """A value of a configuration, or the choice of a config group, as the distribution has it. Raises
    ValueError where that is not in it."""
    if OmegaConf.is_config(value):
        value = OmegaConf.to_container(value, resolve=True)
    if isinstance(distribution, CategoricalDistribution):
        value = text_of_option(value) if is_group else text_of(value)
    return converted(distribution, value)


def converted(distribution: BaseDistribution, value: Any) -> Any:
    """The parameter of a trial, perhaps of another distribution, as this one has it. Raises ValueError
    where it is not in it."""
    if isinstance(distribution, CategoricalDistribution):
        found = [choice for choice in distribution.choices if scalar(choice) == scalar(value)]
        if not found:
            raise ValueError(f"{value!r} is outside of {distribution}")
        return found[0]
    is_int = isinstance(distribution, IntDistribution)
    if isinstance(value, bool) or not isinstance(value, int | float) or (is_int and value % 1):
        raise ValueError(f"{value!r} is outside of {distribution}")
    number = int(value) if is_int else float(value)
    if not distribution._contains(number):
        raise ValueError(f"{value!r} is outside of {distribution}")
    return number
