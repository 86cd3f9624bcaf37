"""`hydra.sweeper.when` and `hydra.sweeper.prior`, as they are written."""

from collections.abc import Iterator, Mapping
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

from hydra_sweep.errors import SweepError, unknown
from hydra_sweep.space.references import name
from hydra_sweep.space.text import parse

WHEN, PRIOR = "hydra.sweeper.when", "hydra.sweeper.prior"
# of how much of its range the best value may well be off
SPREADS = {"low": 0.5, "medium": 0.25, "high": 0.125}


def parse_when(when: Any, keys: Mapping[str, Any]) -> dict[str, list[tuple[str, Override]]]:
    """Of each parameter the others on which it depends whether a trial has it, with the values that they
    are to have. Raises SweepError where a key is not of the space or a condition does not parse."""
    conditions = {}
    for path, texts in _leaves(when):
        child = find(path, keys, f"key of {WHEN}")
        listed = texts if isinstance(texts, list) else [texts]
        conditions[child] = [_condition(text, path, keys) for text in listed]
    return conditions


def parse_prior(prior: Any, keys: Mapping[str, Any]) -> dict[str, tuple[Any, float]]:
    """Of each parameter the value thought good, and how far off it may be, as a share of the range.
    Raises SweepError where a key is not of the space, or a confidence none of low, medium and high."""
    priors = {}
    for path, leaf in _leaves(prior):
        given = leaf if isinstance(leaf, dict) else {"value": leaf}
        for key in given:
            if key not in ("value", "confidence"):
                raise unknown(f"key of {PRIOR}.{path}", str(key), ["value", "confidence"])
        confidence = str(given.get("confidence", "medium"))
        if confidence not in SPREADS:
            raise unknown(f"confidence of {PRIOR}.{path}", confidence, list(SPREADS))
        priors[find(path, keys, f"key of {PRIOR}")] = (given["value"], SPREADS[confidence])
    return priors


def find(path: str, keys: Mapping[str, Any], what: str) -> str:
    """The key of the space that is called so. Raises SweepError where there is none."""
    names = {name(key): key for key in keys}
    if name(path) not in names:
        raise unknown(what, path, list(names))
    return names[name(path)]


def _condition(text: Any, path: str, keys: Mapping[str, Any]) -> tuple[str, Override]:
    told = f"{WHEN}.{path}: expected such as model=mlp, or model=mlp,cnn, got {text!r}."
    if not isinstance(text, str) or "=" not in text:
        raise SweepError(told)
    try:
        override = parse(text)
    except SweepError:
        raise SweepError(told) from None
    return find(override.get_key_element(), keys, f"parameter in {WHEN}.{path}"), override


def _leaves(node: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The keys, dotted, with what is said of each: no dictionary but one with a `value`."""
    plain = OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node
    for key, value in (plain or {}).items():
        if isinstance(value, dict) and "value" not in value:
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value
