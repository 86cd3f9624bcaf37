"""The search space: Hydra's sweep grammar on one side, Optuna's distributions on the other."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from hydra_sweep.errors import SweepError
from hydra_sweep.space import lists
from hydra_sweep.space.builder import Builder
from hydra_sweep.space.distributions import VALID, Options
from hydra_sweep.space.references import References
from hydra_sweep.space.search_space import Bounds, SearchSpace
from hydra_sweep.space.text import CALL, parse, scalar, text_of_yaml

# between the words of a parameter and its conditions, and between these
WHEN, AND = " when ", " and "
# where such a word is none of a text among the values
CONDITION = "[^ ,=]+="
CONDITIONED = re.compile(rf"(.*\)){WHEN}({CONDITION}.*)")
SEARCH = re.compile(r"\b(choice|range|interval|glob)\(")


def parse_space(
    params: Mapping[str, Any] | None,
    arguments: Sequence[str],
    custom: str | None = None,
    options: Options = lambda group: [],
    when: Mapping[str, Any] | None = None,
    prior: Mapping[str, Any] | None = None,
) -> SearchSpace:
    """The space of `hydra.sweeper.params` and of the command line, which comes first.

    The grammar is that of hydra-optuna-sweeper: `choice(…)` and `a,b` are categorical, `interval` is a
    range of floats, `int(interval(…))` one of integers, `range` one with a step whose end is included;
    `tag(log, interval(…))` is searched on a logarithmic scale; anything else is fixed. Beside it
    `tag(pow2, int(interval(…)))` is one of the powers of two, `tag(list:1:3, …)` a list of so many, and
    the end of a range may be `${key}`, what the parameter of that key is in the trial.

    `when` and `prior` are those of `hydra.sweeper`.

    Raises SweepError where a value does not parse, a range is not one, or `when` or `prior` name what the
    space does not have.
    """
    given = [parse(line) for line in arguments]
    _check_not_both(given)
    lines = list(_lines(params or {}, options))
    references = References(
        [*(line.partition("=")[0] for line in lines), *(o.get_key_element() for o in given)]
    )
    listed = [*map(references.parse, lines), *map(references.unquoted, given)]
    overrides = {override.get_key_element(): override for override in listed}
    return Builder(overrides, references, options, when, prior).space(custom)


def to_overrides(params: Mapping[str, Any]) -> list[str]:
    """One override for each parameter, in Hydra's words."""
    return [f"{key}={scalar(value)}" for key, value in lists.values(params).items()]


def in_words(space: SearchSpace) -> dict[str, str]:
    """Each parameter in the words of `parse_space`, with the conditions on which a trial has it."""
    words = {}
    for name in space.distributions:
        if not lists.is_element(name, space.distributions):
            key, when = lists.key_of(name, space.distributions), conditions(space, name)
            words[key] = searched(space, key) + (f"{WHEN}{when}" if when else "")
    return words


def space_of(words: Mapping[str, str]) -> SearchSpace:
    """The space of which `in_words` made the words."""
    lines, when = {}, {}
    for key, text in words.items():
        found = CONDITIONED.fullmatch(text)
        lines[key] = found[1] if found else text
        if found:
            when[key] = re.split(rf"{AND}(?={CONDITION})", found[2])
    return parse_space(lines, [], when=when)


def searched(space: SearchSpace, key: str) -> str:
    """The values of a parameter, or of a list, in the words of `parse_space`."""
    if length := space.distributions.get(lists.length(key)):
        return lists.in_words(length.low, length.high, searched(space, lists.element(key, 0)))
    return to_grammar(space.distributions[key], space.bounds.get(key), key in space.pow2)


def conditions(space: SearchSpace, name: str) -> str:
    """Those on which a trial has the parameter."""
    of = space.when.get(name, {}).items()
    return AND.join(f"{parent.lstrip('+')}={','.join(map(scalar, values))}" for parent, values in of)


def to_grammar(distribution: BaseDistribution, bounds: Bounds | None = None, is_pow2: bool = False) -> str:
    """The distribution in the words of `parse_space`."""
    if isinstance(distribution, CategoricalDistribution):
        return f"choice({', '.join(scalar(choice) for choice in distribution.choices)})"
    low, high = distribution.low, distribution.high
    if bounds:
        low = f"${{{bounds.low.lstrip('+')}}}" if bounds.low else low
        high = f"${{{bounds.high.lstrip('+')}}}" if bounds.high else high
    if distribution.step is not None and (not _is_whole(distribution) or distribution.step != 1):
        return f"range({low}, {high}, {distribution.step})"
    interval = f"interval({low}, {high})"
    if _is_whole(distribution):
        interval = f"int({interval})"
    return f"tag({'pow2' if is_pow2 else 'log'}, {interval})" if distribution.log else interval


def _is_whole(distribution: BaseDistribution) -> bool:
    return isinstance(distribution, IntDistribution)


def _lines(params: Mapping[str, Any], options: Options, path: str = "") -> Iterator[str]:
    """An override for each key; for those of a dictionary, where they are searched."""
    for key, value in params.items():
        plain = OmegaConf.to_container(value, resolve=True) if OmegaConf.is_config(value) else value
        name = f"{path}{key}"
        if isinstance(plain, dict) and any(map(_is_searched, _leaves(plain))):
            yield from _lines(plain, options, f"{name}.")
        elif isinstance(plain, list) and any(map(_is_searched, _leaves(plain))):
            raise SweepError(f"hydra.sweeper.params.{name}: a part of a list cannot be searched. {VALID}")
        elif name.startswith("~") and plain in (None, ""):
            yield name
        else:
            group = name.lstrip("+").partition("@")[0]
            yield f"{name}={text_of_yaml(name, plain, bool(options(group)))}"


def _leaves(node: Any) -> Iterator[Any]:
    if isinstance(node, dict | list):
        for child in node.values() if isinstance(node, dict) else node:
            yield from _leaves(child)
    else:
        yield node


def _is_searched(leaf: Any) -> bool:
    """Whether a part of a value is a search: by its function, for commas are common in texts."""
    return isinstance(leaf, str) and bool(CALL.match(leaf) and SEARCH.search(leaf))


def _check_not_both(overrides: list[Override]) -> None:
    for searched in (override for override in overrides if override.is_sweep_override()):
        for fixed in (override for override in overrides if not override.is_sweep_override()):
            if searched.key_or_group == fixed.key_or_group:
                raise SweepError(
                    f"{searched.input_line} searches what {fixed.input_line} fixes: "
                    "expected one of the two."
                )
