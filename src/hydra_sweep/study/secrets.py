"""Keeps the password of the study's storage out of all that a sweep writes and prints.

Settings, configurations, pickles and messages hold `***` in its place. The password itself travels to
workers and trials in the environment, and is put back when the storage is opened.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote, unquote

from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra.types import HydraContext
from omegaconf import DictConfig, ListConfig, OmegaConf, flag_override

from hydra_sweep.errors import SweepError

VARIABLE = "SWEEP_STORAGE_PASSWORD"
MASK = "***"
IN_URL = f":{MASK}@"

# A shorter password, where it stands alone, could be any word of the configuration.
TELLING = 8


def masked(text: str) -> str:
    """The text without the password of any URL in it; of several, all between the first and the last."""
    return re.sub(r"(://[^\s:/@]*:)\S*(?=@)", rf"\1{MASK}", text)


def hidden(text: str) -> str:
    """The text without the password of the study's storage, where there is one."""
    password = os.environ.get(VARIABLE)
    return Hider(password).hidden(text) if password else text


def hide_password(
    settings: dict[str, Any], arguments: list[str], config: DictConfig, hydra_context: HydraContext
) -> tuple[dict[str, Any], list[str], DictConfig, HydraContext]:
    """Moves the password of the storage's URL, and of those of earlier studies, to the environment. The
    arguments, without it.

    Masks `config` and `sys.argv` in place: others hold them too. Raises SweepError where the password
    could not be told from the rest, or is not in a URL.
    """
    found = {one for key in ("storage", "warm_start") for one in _passwords(_plain(settings.get(key)))}
    if not found:
        return settings, arguments, config, hydra_context
    if len(found) > 1:
        raise SweepError("hydra.sweeper.storage and warm_start: expected one password, found several.")
    os.environ[VARIABLE] = found.pop()
    hider = Hider(os.environ[VARIABLE])
    hider.hide_in(config)
    sys.argv[:] = hider.hidden(sys.argv)
    loader = HidingLoader(hydra_context.config_loader.get_search_path())
    context = HydraContext(config_loader=loader, callbacks=hydra_context.callbacks)
    return hider.hidden(settings), hider.hidden(arguments), config, context


def revealed(storage: Any) -> Any:
    """A URL or a plain node with the password put back. Raises SweepError where it is not known."""
    storage = _plain(storage)
    if not any(IN_URL in text for _, text in _strings(storage)):
        return storage
    if not (password := os.environ.get(VARIABLE)):
        raise SweepError(
            f"hydra.sweeper.storage has {MASK} for its password, and {VARIABLE} is not set. "
            "Write the password there, or set the variable; jobs of a cluster must inherit it."
        )
    real = f":{quote(password, safe='')}@"
    return _mapped(storage, lambda leaf: leaf.replace(IN_URL, real) if isinstance(leaf, str) else leaf)


class Hider:
    """Masks one password: in URLs, percent-encoded or not, and where it stands alone."""

    def __init__(self, password: str) -> None:
        characters = "".join(f"(?:{re.escape(c)}|(?i:{_percent(c)}))" for c in password)
        self.in_url = re.compile(f":{characters}@")
        around = (r"(^|[=:,\s\[{])", r"(?=$|[,\s\]}])")  # as in overrides
        self.alone = re.compile(f"{around[0]}(['\"]?){characters}\\2{around[1]}")
        self.is_telling = len(password) >= TELLING

    def hidden(self, node: Any) -> Any:
        """A copy of a plain node without it; configurations in it are changed in place."""
        return _mapped(node, self._hidden_leaf)

    def hide_in(self, node: DictConfig | ListConfig) -> None:
        """Changes the strings of a configuration, also those that only resolve to the password."""
        with flag_override(node, "readonly", False):
            for key in list(node) if isinstance(node, DictConfig) else range(len(node)):
                self._hide_item(node, key)

    def _hide_item(self, node: DictConfig | ListConfig, key: Any) -> None:
        if OmegaConf.is_missing(node, key):
            return
        try:
            value = node[key]
        except Exception:  # a resolver that has no answer yet, such as ${hydra:job.num}
            return
        if OmegaConf.is_config(value):
            if not OmegaConf.is_interpolation(node, key):
                self.hide_in(value)
        elif isinstance(value, str) and (text := self._hidden_text(value)) != value:
            node[key] = text

    def _hidden_leaf(self, leaf: Any) -> Any:
        if OmegaConf.is_config(leaf):
            self.hide_in(leaf)
        return self._hidden_text(leaf) if isinstance(leaf, str) else leaf

    def _hidden_text(self, text: str) -> str:
        if self.is_telling:
            text = self.alone.sub(rf"\1{MASK}", text)
        return self.in_url.sub(IN_URL, text)


class HidingLoader(ConfigLoaderImpl):
    """Hydra's loader, which reads the files anew for each job: what it reads is masked too."""

    def load_sweep_config(self, master_config: DictConfig, sweep_overrides: list[str]) -> DictConfig:
        config = super().load_sweep_config(master_config, sweep_overrides)
        if password := os.environ.get(VARIABLE):
            Hider(password).hide_in(config)
        return config


def _passwords(node: Any) -> Iterator[str]:
    """The passwords of all URLs in a plain node, decoded."""
    for key, text in _strings(node):
        if key in ("password", "passwd"):
            raise _misplaced("a key of its own")
        if re.search(r"[?&]passw(or)?d=", text):
            raise _misplaced("the query of the URL")
        # as SQLAlchemy reads it
        if not (found := re.match(r"[\w+]+://[^:/@]*:([^@]*)@([^?]*)", text)):
            continue
        if "@" in found[2]:
            raise SweepError("hydra.sweeper.storage: write the @ of the user or the password as %40.")
        if found[1] not in ("", MASK):
            yield unquote(found[1])


def _misplaced(where: str) -> SweepError:
    return SweepError(
        f"hydra.sweeper.storage has its password in {where}, where it cannot be kept secret. "
        "Write it as scheme://user:password@host/database."
    )


def _percent(character: str) -> str:
    return "".join(f"%{byte:02x}" for byte in character.encode())


def _plain(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def _strings(node: Any, key: Any = None) -> Iterator[tuple[Any, str]]:
    """Every string in a plain node, each with the key it is below."""
    if isinstance(node, str):
        yield key, node
    elif isinstance(node, dict | list):
        for name, child in node.items() if isinstance(node, dict) else ((key, one) for one in node):
            yield from _strings(child, name)


def _mapped(node: Any, change: Callable[[Any], Any]) -> Any:
    """A copy of a plain node, what is neither dict nor list changed."""
    if isinstance(node, dict):
        return {key: _mapped(child, change) for key, child in node.items()}
    return [_mapped(child, change) for child in node] if isinstance(node, list) else change(node)
