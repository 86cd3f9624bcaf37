import sys

import pytest
from omegaconf import OmegaConf

from hydra_sweep.checks.configuration import check_composed, module_exists
from hydra_sweep.errors import SweepError


@pytest.fixture
def package(tmp_path, monkeypatch):
    for name in ("own/nets/deep.py", "own/compiled.cpython-311-x86_64-linux-gnu.so", "own/plain.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("path", "there"),
    [
        ("own.plain.Name", True),
        ("own.plain.Outer.Inner", True),
        ("own.nets.deep.Net", True),
        ("own.nets.Net", True),  # may be imported in its __init__.py
        ("own.compiled.function", True),
        ("own.nets.deeep.Net", False),
        ("own.net.deep.Net", False),
        ("no_such_package.Name", False),
        ("torch.no_such_module.Name", True),  # of libraries only the package is looked up
    ],
)
def test_modules_of_the_application_are_looked_up_and_not_imported(package, path, there):
    assert module_exists(path, package) == there
    assert not [name for name in sys.modules if name.startswith("own")]


@pytest.mark.parametrize(
    ("group", "config", "is_refused"),
    [
        ("common/logger@logger", {"logger": "csv"}, True),
        ("common/logger@logger", {"logger": {"csv": {}}}, False),
        ("common/logger@logger", {"logger": None}, False),
        ("nets@model.net", {"model": {"net": 5}}, True),
        # as a file with `@package _global_` may say which it is
        ("dataset", {"dataset": "mnist"}, False),
        ("experiment@_global_", {"experiment": "one"}, False),
    ],
)
def test_a_plain_value_in_the_place_of_a_group_is_told(tmp_path, group, config, is_refused):
    hydra = {"runtime": {"choices": {group: "any"}}, "job": {"name": "train"}}
    cfg = OmegaConf.create({**config, "hydra": hydra})
    if is_refused:
        with pytest.raises(SweepError, match=f"Choose {group}="):
            check_composed(cfg, tmp_path)
    else:
        check_composed(cfg, tmp_path)
