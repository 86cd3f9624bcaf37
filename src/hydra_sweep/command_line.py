"""What a user is told of an override that Hydra does not take, at the application's own command."""

import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hydra.errors import ConfigCompositionException, OverrideParseException
from omegaconf import DictConfig, OmegaConf

from hydra_sweep.errors import SweepError, unknown, unknown_key

OURS = Path(__file__).parent / "configs"


@contextmanager
def mistakes_explained(configs: Path) -> Iterator[None]:
    """Adds a line to what Hydra says of an override: the valid keys and the nearest, where it is for
    an unknown one; the override itself, where it does not parse. Of `model=null`, for which Hydra shows a
    traceback, the line is all.

    Where a config group fills a node of another name, `common/logger@logger`, the node's name will do for
    it: `logger=csv`, as where the group itself is called so.

    To be put around the call of the application's main function, whose configuration is in `configs`. Hydra
    prints its own message and exits; what it printed is the context of that exit.
    """
    groups = _groups_by_node(configs)
    sys.argv[1:] = [_with_group(line, groups) for line in sys.argv[1:]]
    for line in sys.argv[1:]:
        if wrong := _no_choice(line, configs):
            sys.exit(wrong)
    try:
        yield
    except SystemExit as end:
        if said := _explanation(end.__context__, groups):
            print(said, file=sys.stderr)
        raise


def _groups_by_node(configs: Path) -> dict[str, str]:
    """The groups that the primary configurations choose for a node of another name, by that name."""
    groups = {}
    for path in configs.glob("*.yaml"):
        config = OmegaConf.load(path)
        defaults = config.get("defaults", ()) if isinstance(config, DictConfig) else ()
        for key in (key for one in defaults if isinstance(one, DictConfig) for key in one):
            group, _, node = str(key).split()[-1].lstrip("/").partition("@")
            if node and not (configs / node).is_dir():
                groups[node] = f"{group}@{node}"
    return groups


def _with_group(line: str, groups: Mapping[str, str]) -> str:
    """The override; of the group where it has a plain choice, or a search over choices, for its node."""
    node, equals, choice = line.partition("=")
    sign = node[: len(node) - len(node.lstrip("+"))]
    full = groups.get(node.lstrip("+"))
    is_value = choice in ("", "null") or choice.startswith("{")
    return line if not full or not equals or is_value else f"{sign}{full}={choice}"


def _no_choice(line: str, configs: Path) -> str | None:
    """What to say of an override by which null or a number is to be the choice of a config group."""
    group, _, choice = line.partition("=")
    folders = [place / group.partition("@")[0] for place in (configs, OURS)]
    # our samplers are one folder deeper than those of an application
    options = {
        path.stem for folder in folders for path in (*folder.glob("*.yaml"), *folder.glob("optuna/*.yaml"))
    }
    if not group or not options or not re.fullmatch(r"null|[\d.]+", choice):
        return None
    return str(unknown(f"choice of {group}", choice, sorted(options)))


def _explanation(error: BaseException | None, groups: Mapping[str, str]) -> str | None:
    if isinstance(error, SweepError):  # which says it all
        return None
    if isinstance(error, ConfigCompositionException):  # of a defaults list
        named = re.search(r"Could not override '(\w+)'", str(error))
        full = groups.get(named[1]) if named else None
        return f"{named[1]}: here it is override /{full}." if full else unknown_key(error)
    if isinstance(error, OverrideParseException):
        return f"{error.override}: {' '.join(str(error).split())}"
    return unknown_key(error)
