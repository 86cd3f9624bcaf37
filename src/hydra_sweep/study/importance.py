import sys
from functools import cache
from importlib import import_module
from types import ModuleType


@cache
def optuna_importance() -> ModuleType:
    """`optuna.importance`, imported by who needs it, and without scikit-learn, of which its evaluators but
    PED-ANOVA are made: that takes a second, for which the end of a sweep would wait."""
    is_kept_out = sys.modules.setdefault("sklearn", None) is None
    try:
        return import_module("optuna.importance")
    finally:
        if is_kept_out:
            del sys.modules["sklearn"]
