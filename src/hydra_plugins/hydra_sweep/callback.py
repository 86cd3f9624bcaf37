import sys
from typing import Any

from hydra.experimental.callback import Callback
from omegaconf import DictConfig


class SettingsResolve(Callback):
    """Is called before Hydra makes the sweeper, and has `${hydra:…}` mean something in its settings."""

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        from hydra_sweep.errors import SweepError
        from hydra_sweep.space.references import escape
        from hydra_sweep.supervisor.interpolations import settle

        escape(config)
        try:
            settle(config, "hydra.sweeper")
        except SweepError as error:  # of which Hydra would make a warning
            sys.exit(str(error))
