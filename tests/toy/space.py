import optuna
from omegaconf import DictConfig


def extend(config: DictConfig, trial: optuna.Trial) -> None:
    """A parameter that only some trials have."""
    if trial.params["x"] > 0.5:
        trial.suggest_int("+extra", 1, 9)


def branches(config: DictConfig, trial: optuna.Trial) -> None:
    """With few combinations."""
    if trial.params["x"] > 0.5:
        trial.suggest_int("+extra", 1, 3)


def square(config: DictConfig) -> float:
    """A measure for constraints."""
    return config.x**2
