import sys

import pytest

from hydra_sweep.checks.configuration import module_exists


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
