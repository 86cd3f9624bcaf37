"""Whether a run can be given another seed, for `hydra.sweeper.confirm`."""

from collections.abc import Iterable

from omegaconf import DictConfig, OmegaConf

from hydra_sweep.errors import SweepError
from hydra_sweep.sweep import Sweep


def check_seed(name: str, key: str, sweep: Sweep, cfgs: Iterable[DictConfig]) -> None:
    """Raises SweepError where an example's configuration has no such key, or it is searched. `name` is what
    asks for it."""
    where = f"hydra.sweeper.{name}.key={key}"
    if key in sweep.space.distributions:
        raise SweepError(
            f"{where} is searched: expected the key of a seed that is not, such as train_seed."
        )
    above, _, last = key.rpartition(".")
    for cfg in cfgs:
        node = OmegaConf.select(cfg, above) if above else cfg
        if not OmegaConf.is_dict(node) or last not in node.keys():  # noqa: SIM118
            raise SweepError(
                f"{where}: the configuration has no such key, by which a run could be given a seed of its "
                "own. Name another, or have the application draw by it."
            )
