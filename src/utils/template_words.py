"""The command line of lightning-hydra-template."""

from collections.abc import Sequence

# Its config groups, by the keys that choose them here.
GROUPS = {"callbacks": "common/callbacks@callbacks", "logger": "common/logger@logger"}


def in_our_words(arguments: Sequence[str]) -> list[str]:
    """The arguments, with `logger=…` and `callbacks=…` as the choices that they are there."""
    split = [argument.partition("=") for argument in arguments]
    return [GROUPS.get(key, key) + equals + value for key, equals, value in split]
