"""Interpolations in what the sweep itself reads, long before there is a job."""

from collections.abc import Iterator
from copy import deepcopy

from omegaconf import DictConfig, OmegaConf, read_write
from omegaconf.errors import OmegaConfBaseException

from hydra_sweep.errors import SweepError, unresolved
from hydra_sweep.space.compose import in_force

# stands for `${hydra:runtime.output_dir}` and others that a job alone has: Hydra would make them `None`
JOBS = 4_611_686_018_427_387_904


def settle(config: DictConfig, *keys: str) -> None:
    """Has `${hydra:…}` be of this configuration in this process, which Hydra sees to in jobs alone.

    Raises SweepError where what is below one of the keys is missing, does not resolve, or is of a job.
    """
    known = deepcopy(config)
    with read_write(known.hydra):
        known.hydra.job.num, known.hydra.job.id = JOBS, str(JOBS)
        known.hydra.runtime.output_dir = str(JOBS)
    in_force(known)
    for key in keys:
        _check(known, key)


def is_of_a_job(value: object) -> bool:
    return str(JOBS) in str(value)


def _check(config: DictConfig, key: str) -> None:
    try:
        node = OmegaConf.select(config, key, throw_on_missing=True)
        is_node = OmegaConf.is_config(node)
        value = OmegaConf.to_container(node, resolve=True, throw_on_missing=True) if is_node else node
    except OmegaConfBaseException as error:
        raise SweepError(unresolved(error)) from None
    for name, one in _leaves(value, key):
        if is_of_a_job(one):
            raise SweepError(
                f"{name}: expected a value of the sweep's, got one with hydra.job.num, hydra.job.id or "
                "hydra.runtime.output_dir in it, which each job has for itself. Valid for these: "
                "hydra.sweep.subdir, hydra.job.* and the task's own keys."
            )


def _leaves(value: object, path: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, dict | list):
        for key, child in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _leaves(child, f"{path}.{key}")
    else:
        yield path, value
