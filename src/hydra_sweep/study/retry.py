import logging
import time
from collections.abc import Callable
from typing import Any

from optuna.exceptions import StorageInternalError

from hydra_sweep.study.secrets import masked

log = logging.getLogger(__name__)

PATIENCE_S = 60.0
PAUSE_S = 2.0


def patiently(
    call: Callable[..., Any], *arguments: Any, error: type | tuple[type, ...] = StorageInternalError
) -> Any:
    """Calls again, for a minute, while the study's storage does not answer: a database that is restarted,
    say. What the last call raises is raised."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call(*arguments)
        except error as silence:
            if time.monotonic() > deadline:
                raise
            said = masked(str(silence.__cause__ or silence)).splitlines()[0]
            log.warning("The study's storage does not answer, trying again: %s", said)
            time.sleep(PAUSE_S)
