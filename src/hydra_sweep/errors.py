from difflib import get_close_matches

from hydra.errors import CompactHydraException, HydraException
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

# what a shell calls the end by Ctrl-C
INTERRUPTED = 130
# what a configuration that does not compose may raise, the last where a file is no yaml
DOES_NOT_COMPOSE = HydraException, OmegaConfBaseException, YAMLError


class SweepError(CompactHydraException):
    """A user's mistake: Hydra shows the message alone, without a traceback, and exits with 1."""


def unknown(what: str, got: str, valid: list[str]) -> SweepError:
    return SweepError(f"Unknown {what} '{got}'.{nearest(got, valid)} Valid: {', '.join(sorted(valid))}.")


def unknown_key(error: BaseException | None) -> str | None:
    """What to say of an error that comes of a key that the configuration does not have; None where it
    comes of something else."""
    while error is not None and not isinstance(error, OmegaConfBaseException):
        error = error.__cause__ or error.__context__
    if error is None or error.key is None or not hasattr(error.parent_node, "keys"):
        return None
    valid = [str(key) for key in error.parent_node.keys()]  # noqa: SIM118 (a node, not a dict)
    if str(error.key) in valid:
        return None
    path = str(error.full_key).removesuffix(str(error.key))
    near = nearest(str(error.key), valid, path)
    return f"{error.full_key}: there is no such key.{near} Valid: {', '.join(sorted(valid))}."


def unresolved(error: OmegaConfBaseException) -> str:
    """What to say of a value that does not resolve: which, and why."""
    said = str(error).splitlines()[0]
    return f"{error.full_key}: {said}." if error.full_key else sentence(said)


def nearest(got: str, valid: list[str], path: str = "") -> str:
    near = get_close_matches(got, valid, n=1)
    return f" Did you mean {path}{near[0]}?" if near else ""


def one_line(error: BaseException | str) -> str:
    return " ".join(str(error).split())


def sentence(error: BaseException | str) -> str:
    """What it says, in one line with an end."""
    said = one_line(error)
    return said if said.endswith((".", "?", "!")) else f"{said}."


class ConfigurationError(ValueError):
    """Raised by a task for what is wrong in every trial alike: the sweep stops at the first."""
