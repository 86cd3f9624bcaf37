"""What a user is told of a mistake at the application's own command: a line, which comes last."""

import gc
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import (
    ConfigCompositionException,
    HydraException,
    MissingConfigException,
    OverrideParseException,
)
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from hydra_sweep.errors import (
    DOES_NOT_COMPOSE,
    INTERRUPTED,
    SweepError,
    one_line,
    sentence,
    unknown,
    unknown_key,
    unresolved,
)

CHOICES = re.compile(r"choice\((.*)\)")
OURS = Path(__file__).parent / "configs"


@contextmanager
def mistakes_explained(configs: Path) -> Iterator[None]:
    """Adds a line to what Hydra says of a mistake: for an unknown key or choice the valid ones and the
    nearest, for others what is wrong. Of `model=null`, for which Hydra shows a traceback, the line is all.

    Where a config group fills a node of another name, `common/logger@logger`, the node's name will do for
    it: `logger=csv`, as where the group itself is called so.

    To be put around the call of the application's main function, whose configuration is in `configs`. Hydra
    prints its own message and exits; what it printed is the context of that exit. `choice(a,null)`, which
    Hydra refuses, is told it as `a,null`. Ctrl-C ends the command with 130, without a traceback unless
    HYDRA_FULL_ERROR is set.
    """
    try:
        groups = _groups_by_node(configs)
        sys.argv[1:] = [_null_for_hydra(_with_group(line, groups)) for line in sys.argv[1:]]
        for line in sys.argv[1:]:
            if wrong := _no_choice(line, configs):
                sys.exit(wrong)
        with _store_shared():
            yield
    except SystemExit as end:
        # An exit with words says it all.
        if isinstance(end.code, int) and (said := _explanation(end.__context__, groups)):
            print(said, file=sys.stderr)
        raise
    except KeyboardInterrupt:  # before the sweep, which has its own way to end, or of a single run
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        sys.exit(INTERRUPTED)


@contextmanager
def _store_shared() -> Iterator[None]:
    """Hydra copies all that is in its ConfigStore for each config group of `--help`, and only reads in the
    copies: that takes longer than all the rest of it."""
    store = ConfigStore.instance()
    store.__deepcopy__ = lambda memo: store
    try:
        yield
    finally:
        del store.__deepcopy__


def _groups_by_node(configs: Path) -> dict[str, str]:
    """The groups that the primary configurations choose for a node of another name, by that name."""
    groups = {}
    for path in configs.glob("*.yaml"):
        for key in (key for one in _defaults(path) if isinstance(one, DictConfig) for key in one):
            group, _, node = str(key).split()[-1].lstrip("/").partition("@")
            if node and not (configs / node).is_dir():
                groups[node] = f"{group}@{node}"
    return groups


def _defaults(path: Path) -> Iterable[Any]:
    """Of one yaml; none of what is no configuration, of which Hydra will say more where it is asked for."""
    try:
        config = OmegaConf.load(path)
    except (YAMLError, OmegaConfBaseException, ValueError, OSError):
        return ()
    listed = config.get("defaults") if isinstance(config, DictConfig) else None
    return listed if isinstance(listed, ListConfig) else ()


def _with_group(line: str, groups: Mapping[str, str]) -> str:
    """The override; of the group where it has a plain choice, or a search over choices, for its node."""
    node, equals, choice = line.partition("=")
    sign = node[: len(node) - len(node.lstrip("+"))]
    full = groups.get(node.lstrip("+"))
    is_value = choice in ("", "null") or choice.startswith("{")
    return line if not full or not equals or is_value else f"{sign}{full}={choice}"


def _null_for_hydra(line: str) -> str:
    key, _, value = line.partition("=")
    listed = CHOICES.fullmatch(value)
    if not listed or "null" not in value or _parses(line) or not _parses(f"{key}={listed[1]}"):
        return line
    return f"{key}={listed[1]}"


def _parses(line: str) -> bool:
    try:
        OverridesParser.create().parse_overrides([line])
    except OverrideParseException:
        return False
    return True


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


@contextmanager
def mistakes_alone() -> Iterator[None]:
    """Ends the command with 1 and the line that says what is wrong, without Hydra's hint at
    HYDRA_FULL_ERROR, unless that is set: then with the traceback."""
    try:
        yield
    except DOES_NOT_COMPOSE as error:
        if os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        gc.freeze()  # else Python looks through all there is, to end
        sys.exit(_explanation(error, {}))


def _explanation(error: BaseException | None, groups: Mapping[str, str]) -> str | None:
    if isinstance(error, SweepError):
        return str(error)
    if isinstance(error, ConfigCompositionException):  # of a defaults list
        named = re.search(r"Could not override '(\w+)'", str(error))
        if full := groups.get(named[1]) if named else None:
            return f"{named[1]}: here it is override /{full}."
    if isinstance(error, OverrideParseException):
        return f"{error.override}: {one_line(error)}"
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options:
        group, _, choice = error.missing_cfg_file.rpartition("/")
        return str(unknown(f"choice of {group}", choice, list(error.options)))
    if known := unknown_key(error):
        return known
    if isinstance(error, OmegaConfBaseException):
        return unresolved(error)
    return sentence(error) if isinstance(error, HydraException | YAMLError) else None
