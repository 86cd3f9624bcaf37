"""What a run left in its folder, made again: a trial's, the one in `best/`, or that of a training alone."""

import json
import os
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from hydra.core.utils import setup_globals
from lightning import LightningDataModule, LightningModule, Trainer
from omegaconf import DictConfig, OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from hydra_sweep.errors import SweepError, one_line, unresolved
from hydra_sweep.lightning.measures import instantiate_plain
from hydra_sweep.space.compose import in_force
from hydra_sweep.study.trial_folder import files_of_run


@dataclass
class KeptRun:
    """A run's folder, with what `.hydra` in it says, and one of its checkpoints.

    What it wrote is trusted, as its configuration is, which names the code to call: checkpoints are loaded
    with `weights_only=False`.
    """

    folder: Path
    checkpoint: Path

    @classmethod
    def find(cls, place: str) -> "KeptRun":
        """Of a run's folder, whose best checkpoint it takes, or of a checkpoint. Raises SweepError."""
        path = Path(place).expanduser().absolute()
        if not path.exists():
            raise SweepError(f"There is no {path}: expected a run's folder, such as a sweep's best/.")
        homes = [path] if path.is_dir() else list(path.parents)
        folder = next((home for home in homes if (home / ".hydra" / "config.yaml").is_file()), None)
        if folder is None:
            fronts = sorted(one.parent.name for one in path.glob("*/.hydra")) if path.is_dir() else []
            which = f" Valid: {', '.join(f'{place}/{name}' for name in fronts)}." if fronts else ""
            where = "in it" if path.is_dir() else "above it"
            raise SweepError(
                f"{path} is no run's: expected .hydra/config.yaml {where}, which says what it was.{which}"
            )
        _restore(folder / "start.json")
        return cls(folder, best_checkpoint(folder) if path.is_dir() else path)

    @cached_property
    def config(self) -> DictConfig:
        """As it was, in force."""
        setup_globals()  # ${hydra:…}
        config = OmegaConf.load(self.folder / ".hydra" / "config.yaml")
        hydra = OmegaConf.load(self.folder / ".hydra" / "hydra.yaml").hydra
        with open_dict(hydra):
            hydra.runtime.output_dir, hydra.job.num, hydra.job.id = str(self.folder), 0, "0"
        with open_dict(config):
            config.hydra = hydra
        return in_force(config)

    def untrained(self) -> LightningModule:
        return self._make("model", LightningModule)

    def model(self) -> LightningModule:
        """With the checkpoint's weights, ready to be asked."""
        model = self.untrained()
        with suppress(Exception):  # of a model that asks its trainer something there
            model.setup("predict")
        model.configure_model()
        loaded = _loaded(self.checkpoint)
        try:
            model.load_state_dict(loaded["state_dict"], strict=model.strict_loading)
        except (RuntimeError, KeyError) as error:
            raise SweepError(f"{self.checkpoint} does not fit the model: {one_line(error)}") from error
        return model.eval()

    def data(self) -> LightningDataModule:
        return self._make("data", LightningDataModule)

    def trainer(self, **instead: Any) -> Trainer:
        return self._make("trainer", Trainer, **instead)

    def _make(self, key: str, kind: type, **instead: Any) -> Any:
        if not OmegaConf.is_dict(self.config.get(key)):
            raise SweepError(f"{self.folder}/.hydra/config.yaml: expected a node `{key}` with _target_.")
        try:
            made = instantiate_plain(self.config[key], **instead)
        except OmegaConfBaseException as error:
            raise SweepError(f"{key}: {unresolved(error)}") from error
        except Exception as error:  # of the user's code, or of none where it was
            raise SweepError(f"{key}: {one_line(error.__cause__ or error)}") from error
        if not isinstance(made, kind):
            raise SweepError(f"{key}: expected a {kind.__name__}, got a {type(made).__name__}.")
        return made


def best_checkpoint(folder: Path) -> Path:
    """The best by what the newest says of its ModelCheckpoint; the newest where it says nothing."""
    files = (file for file in files_of_run(folder) if file.suffix == ".ckpt")
    found = sorted(files, key=lambda file: file.stat().st_mtime)
    if not found:
        left = ", ".join(sorted(file.name for file in folder.iterdir() if not file.name.startswith(".")))
        raise SweepError(
            f"There is no checkpoint in {folder}, where there is {left or 'nothing'}: expected one of a "
            "ModelCheckpoint among the callbacks. Train it again with one."
        )
    known = _loaded(found[-1]).get("callbacks", {})
    named = [
        Path(state["best_model_path"])
        for key, state in known.items()
        if key.startswith("ModelCheckpoint") and state.get("best_model_path")
    ]
    return next((file for file in found if _is_of(file.relative_to(folder), named)), found[-1])


def _is_of(file: Path, named: list[Path]) -> bool:
    """Whether it is one of those that are named as they lay where the run was."""
    return any(one.parts[-len(file.parts) :] == file.parts for one in named)


def _loaded(file: Path) -> dict[str, Any]:
    try:
        return torch.load(file, map_location="cpu", weights_only=False)
    except Exception as error:  # of a file that is none, or of code that is not where it was
        raise SweepError(f"{file} cannot be read: {one_line(error)}") from error


def _restore(start: Path) -> None:
    """Has Python find the code of a run that was kept, and its configuration the variables that are not
    set."""
    known = json.loads(start.read_text()) if start.is_file() else {"path": [], "environment": {}}
    # also where the command is run in the project's folder, as by `python -m`
    sys.path[:0] = [place for place in known["path"] if place not in sys.path]
    for name, value in known["environment"].items():
        if value is not None:
            os.environ.setdefault(name, value)
