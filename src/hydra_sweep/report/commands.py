"""The commands to go on with."""

from pathlib import Path

import optuna
from optuna.trial import FrozenTrial


class Commands:
    """Of a study's trials; None where the study does not tell how it was started."""

    def __init__(self, study: optuna.Study, folder: Path) -> None:
        self.study, self.folder = study, folder

    def go_on(self) -> str | None:
        return None

    def single_run(self, trial: FrozenTrial) -> str | None:
        return None

    def of_best(self, trial: FrozenTrial) -> list[tuple[str, str]]:
        return []
