from collections.abc import Mapping
from typing import Any

from hydra_sweep.errors import ConfigurationError


def metric_value(metrics: Mapping[str, Any], name: str) -> float:
    """The value of the named metric, out of those that the model logged.

    Raises ConfigurationError, which lists them, where it is none of them.
    """
    if name not in metrics:
        raise ConfigurationError(
            f"optimized_metric={name}: the model logs no such metric. "
            f"It logs: {', '.join(sorted(metrics)) or 'none'}."
        )
    return float(metrics[name])
