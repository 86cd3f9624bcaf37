"""`hydra.sweeper.fidelity`: a trial is run at growing values of a key, and the pruner decides between."""

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from hydra.core.override_parser.types import Override

from hydra_sweep.errors import SweepError
from hydra_sweep.settings import Settings
from hydra_sweep.space.grammar import in_words
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.space.text import parse, text_of

NAME = "hydra.sweeper.fidelity"
GO_ON = "hydra.sweeper.go_on"
BEFORE = "{before}"
# for that, where Hydra's grammar would take its braces for a dictionary's
STANDS_FOR = "the_folder_before"
EXAMPLE = "data.share: [0.1, 0.3, 1.0]"


@dataclass(frozen=True)
class Fidelity:
    """`values` are those of the `key` for the runs of a trial, whose steps are 1, 2, …, as many as there
    are. `go_on` is an override by which each but the first goes on from the folder of the one before."""

    key: str
    values: tuple[float, ...]
    go_on: str | None = None

    def overrides(self, step: int, before: Path | None = None) -> list[str]:
        """Those of a run, beside the trial's; `before` is the folder of the run before."""
        # for the key may be one that the configuration does not have, and has by now
        own = [f"++{self.key.lstrip('+')}={self.values[step - 1]}"] if step < len(self.values) else []
        return [*own, *([_with(self.go_on, before)] if self.go_on and before else [])]

    def said(self, step: int) -> str:
        return f"{self.key.lstrip('+')}={self.values[step - 1]}"


def parse_fidelity(settings: Settings, space: SearchSpace) -> Fidelity | None:
    """Raises SweepError where it is no key with growing numbers, or does not go with the rest."""
    if not settings.fidelity:
        if settings.go_on:
            raise SweepError(f"{GO_ON}: expected {NAME} beside it, such as {EXAMPLE}.")
        return None
    key, values = _pair(settings.fidelity)
    for wrong in (*_against(key, space), *_against_settings(settings)):
        raise SweepError(f"{NAME}: {wrong}")
    return Fidelity(key, values, settings.go_on)


def at_its_last(space: SearchSpace, fidelity: Fidelity | None) -> SearchSpace:
    """The space, in which all trials have the last value: that is what they are compared at."""
    if fidelity is None:
        return space
    return replace(space, fixed=[*space.fixed, f"{fidelity.key}={fidelity.values[-1]}"])


def _pair(node: Any) -> tuple[str, tuple[float, ...]]:
    pairs = list(node.items()) if isinstance(node, Mapping) else []
    key, listed = pairs[0] if len(pairs) == 1 else (None, None)
    values = tuple(listed) if hasattr(listed, "__iter__") and not isinstance(listed, str | Mapping) else ()
    numbers = all(type(value) in (int, float) and math.isfinite(value) for value in values)
    if len(values) < 2 or not numbers or any(a >= b for a, b in pairwise(values)):
        raise SweepError(f"{NAME}: expected a key with growing numbers, such as {EXAMPLE}, got {node}.")
    return str(key), values


def _against(key: str, space: SearchSpace) -> Iterator[str]:
    own = key.lstrip("+")
    if own in (name.lstrip("+") for name in in_words(space)):
        yield f"{own} is searched, too. Leave it out of one of the two."
    if line := next((one for one in space.fixed if parse(one).get_key_element().lstrip("+") == own), None):
        yield f"{line} fixes what it is to vary. Leave one of the two out."


def _against_settings(settings: Settings) -> Iterator[str]:
    if len(settings.directions) > 1:
        yield "expected one objective, got several, of which no pruner decides."
    if settings.pruner.get("promote"):
        yield "trials of several fidelities do not pause: leave out hydra.sweeper.pruner.promote=true."
    if settings.go_on and not _names_folder(settings.go_on):
        yield (
            f"{GO_ON}={settings.go_on}: expected an override with {BEFORE}, the folder of the run before, "
            f"such as ckpt_path={BEFORE}/checkpoints/last.ckpt."
        )


def _names_folder(go_on: Any) -> bool:
    """Whether it is one override, of one value, with the folder of the run before in it."""
    return isinstance(go_on, str) and BEFORE in go_on and not _parsed(go_on).is_sweep_override()


def _with(go_on: str, before: Path) -> str:
    """The folder may have characters that mean something to Hydra, as x=1,y=2 has."""
    value = json.dumps(_parsed(go_on).value()).replace(STANDS_FOR, json.dumps(str(before))[1:-1])
    return f"{go_on.partition('=')[0]}={text_of(json.loads(value))}"


def _parsed(go_on: str) -> Override:
    return parse(go_on.replace(BEFORE, STANDS_FOR))
