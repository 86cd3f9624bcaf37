import logging
import time
from collections.abc import Callable
from typing import Any

from optuna.exceptions import StorageInternalError

log = logging.getLogger(__name__)

PATIENCE_S = 60.0
PAUSE_S = 2.0


def patiently(call: Callable[..., Any], *arguments: Any) -> Any:
    """Calls again, for a minute, while the study's storage does not answer: a database that is restarted,
    say. What the last call raises is raised."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            return call(*arguments)
        except StorageInternalError as error:
            if time.monotonic() > deadline:
                raise
            log.warning("The study's storage does not answer, trying again: %s", error.__cause__ or error)
            time.sleep(PAUSE_S)
