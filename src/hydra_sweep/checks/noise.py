"""Whether trainings can be repeated, for `hydra.sweeper.repeats` and `hydra.sweeper.confirm`."""

from collections.abc import Iterable
from dataclasses import replace

from omegaconf import DictConfig, OmegaConf

from hydra_sweep.errors import SweepError
from hydra_sweep.settings import NOISE
from hydra_sweep.sweep import Sweep

# Of two repeats that are both worse it gives 0.25: no p that ends a trial sooner is less.
WILCOXON = {"_target_": "optuna.pruners.WilcoxonPruner", "p_threshold": 0.3, "n_startup_steps": 2}


def with_pruner(sweep: Sweep) -> tuple[Sweep, list[str]]:
    """The sweep with a pruner that compares repeats, where there are any. What there is to say of it."""
    settings = sweep.settings
    name = str(settings.pruner.get("_target_")).rpartition(".")[2]
    if not settings.repeats or name in ("WilcoxonPruner", "NopPruner"):
        return sweep, []
    pruner = OmegaConf.create(WILCOXON)
    said = (
        f"hydra.sweeper.repeats: WilcoxonPruner takes the place of {name}, which compares epochs "
        "(hydra/sweeper/pruner=none: none ends early)."
    )
    if settings.repeats["n"] <= WILCOXON["n_startup_steps"]:
        said = f"hydra.sweeper.repeats: none ends early, for {name} compares epochs, and two are too few."
    return replace(sweep, settings=replace(settings, pruner=pruner)), [said]


def check_noise(sweep: Sweep, cfgs: Iterable[DictConfig]) -> list[str]:
    """What there is to say. Raises SweepError where no seed can be given to an example's configuration, and
    where what is measured by repeats has none."""
    settings = sweep.settings
    for name in ("repeats", "confirm"):
        if asked := getattr(settings, name):
            _check_seed(name, asked["key"], sweep, cfgs)
    if settings.repeats and sweep.fidelity:
        raise SweepError("hydra.sweeper.repeats and hydra.sweeper.fidelity: expected one of them.")
    if settings.stop.get("expected_gain") == NOISE and not settings.repeats:
        raise SweepError(
            f"hydra.sweeper.stop.expected_gain={NOISE} is what repeats differ by: expected a number, or "
            "hydra.sweeper.repeats=3."
        )
    for option in ("tasks_per_node", "nodes"):
        if settings.repeats and (n := sweep.config.hydra.launcher.get(option) or 1) > 1:
            raise SweepError(f"hydra.sweeper.repeats: expected hydra.launcher.{option}=1, got {n}.")
    if not (confirm := settings.confirm):
        return []
    each = f"{confirm['seeds']} fresh seeds each"
    return [f"After the last trial the best {confirm['top']} are run again, with {each}."]


def _check_seed(name: str, key: str, sweep: Sweep, cfgs: Iterable[DictConfig]) -> None:
    where = f"hydra.sweeper.{name}.key={key}"
    if key in (searched.lstrip("+") for searched in sweep.space.distributions):
        raise SweepError(f"{where} is searched: expected the key of a seed that is not.")
    above, _, last = key.rpartition(".")
    for cfg in cfgs:
        node = OmegaConf.select(cfg, above) if above else cfg
        if not OmegaConf.is_dict(node) or last not in node.keys():  # noqa: SIM118
            raise SweepError(
                f"{where}: the configuration has no such key, by which a run could be given a seed of its "
                "own. Name another, or have the application draw by it."
            )
