"""What the sweep's fork server imports, while the supervisor still checks."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydra_sweep.space.samplers import import_for, make_sampler
from hydra_sweep.space.targets import import_targets
from hydra_sweep.supervisor.interpolations import is_of_a_job
from hydra_sweep.supervisor.launching import threads_each
from hydra_sweep.sweep import Sweep


def preload(sweep: Sweep) -> None:
    """Imports what the task's configuration names, with the variables that a worker would have. What fails
    is left to those who need it, and say so."""
    threads = os.environ.get("OMP_NUM_THREADS", str(threads_each(sweep)))
    variables = {"OMP_NUM_THREADS": threads, **_env_set(sweep.config)}
    with _environment(variables), suppress(Exception, SystemExit):
        import hydra_sweep.launcher.forked_job
        import hydra_sweep.worker.job  # noqa: F401

        import_targets(OmegaConf.masked_copy(sweep.config, [key for key in sweep.config if key != "hydra"]))
        import_for(make_sampler(sweep.settings, sweep.space, 0))


def _env_set(config: DictConfig) -> dict[str, str]:
    """`hydra.job.env_set`, as far as it is the same for all jobs."""
    try:
        values = OmegaConf.to_container(config.hydra.job.env_set, resolve=True)
    except OmegaConfBaseException:
        return {}
    return {name: str(value) for name, value in values.items() if not is_of_a_job(value)}


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """With these set; of what is imported meanwhile, variables stay."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ |= variables
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value
