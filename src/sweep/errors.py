from difflib import get_close_matches

from hydra.errors import CompactHydraException


class SweepError(CompactHydraException):
    """A user's mistake: Hydra shows the message alone, without a traceback, and exits with 1."""


def unknown(what: str, got: str, valid: list[str]) -> SweepError:
    near = get_close_matches(got, valid, n=1)
    hint = f" Did you mean {near[0]}?" if near else ""
    return SweepError(f"Unknown {what} '{got}'.{hint} Valid: {', '.join(sorted(valid))}.")


class ConfigurationError(ValueError):
    """Raised by a task for what is wrong in every trial alike: the sweep stops at the first."""
