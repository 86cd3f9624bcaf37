"""Names as MLflow takes them.

MLflow allows 250 alphanumerics, `_ - . : /` and spaces in the names of parameters, metrics and tags, and no
name that as a path would be another (`a//b`, `../a`). Hydra and Lightning allow more.
"""

import hashlib
import posixpath
import re
from collections.abc import Mapping
from typing import Any

# Lightning's own
DEFAULT_EXPERIMENT = "lightning_logs"
LONGEST = 250
# of the values of tags and of parameters
LONGEST_VALUE = {"tags": 8000, "params": 6000}
WORDS = {"+": "plus", "@": "at", "%": "percent", "=": "equals", "#": "hash", "&": "and", "~": "tilde"}
WORDS |= {":": "colon", "/": "slash", ".": "dot"}
EMPTY, LONG = ":empty:", ":long:"

_ILLEGAL = re.compile(r"[^/\w.\- :]")
_OUR_OWN = re.compile(f":({'|'.join(WORDS.values())}|empty|long|u[0-9a-f]+):")


def legal(name: str) -> str:
    """The name, where MLflow takes it; else with `:word:` or, in hexadecimal, `:u<code point>:` in place of
    each character that it does not take: `val/recall@10` is `val/recall:at:10`.

    Two names never become one: a name that holds such a word is written with `:colon:`, and a long one
    ends in its hash.
    """
    if not name:
        return EMPTY
    escaped = name
    if _ILLEGAL.search(name) or _OUR_OWN.search(name):
        escaped = re.sub(rf"{_ILLEGAL.pattern}|:", _word, name)
    if _is_another_path(name):
        escaped = re.sub(rf"{_ILLEGAL.pattern}|[:/.]", _word, name)
    return cut(escaped, of=name)


def legal_tags(tags: Mapping[str, Any] | None) -> dict[str, str]:
    return {legal(str(key)): shortened("tags", str(key), str(value)) for key, value in (tags or {}).items()}


def shortened(kind: str, name: str, value: str) -> str:
    """A value of `tags` or `params`; where it is too long its beginning, and which artifact has it all."""
    if len(value) <= LONGEST_VALUE[kind]:
        return value
    where = f"… (whole: {artifact_of(kind, name)})"
    return value[: LONGEST_VALUE[kind] - len(where)] + where


def artifact_of(kind: str, name: str) -> str:
    """The artifact that has a value which is too long, such as `params/data.files.txt`."""
    name = legal(name)
    if len(name.encode()) > LONGEST:  # of a file's name
        name = _hash(name)
    return f"{kind}/{name}.txt"


def metric_key(prefix: str | None, name: str) -> str:
    """A metric's name in MLflow, of a logger with this prefix."""
    return legal(f"{prefix}-{name}" if prefix else name)  # as Lightning joins them


def cut(text: str, of: str | None = None) -> str:
    """The text, or where it is too long its beginning and the hash of it, or of what it stands for."""
    if len(text) <= LONGEST:
        return text
    ending = LONG + _hash(of or text)
    return text[: LONGEST - len(ending)] + ending


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]


def _word(match: re.Match[str]) -> str:
    return f":{WORDS.get(match[0]) or f'u{ord(match[0]):x}'}:"


def _is_another_path(name: str) -> bool:
    path = posixpath.normpath(name)
    return path != name or path == "." or path.startswith(("..", "/"))
