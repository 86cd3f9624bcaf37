"""What imports what: docs/architecture.md in code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hydra_sweep
import hydra_sweep.lightning
import hydra_sweep.mlflow
import hydra_sweep.pruners
from tests.conftest import ROOT

SRC = ROOT / "src"
PACKAGE = SRC / "hydra_sweep"
# Each imports from those before it, and never from those after it.
FLOORS = [
    ["errors", "console", "processes", "pruners"],
    ["noise"],
    ["settings"],
    ["study"],
    ["space", "code", "fork_server", "hydra_job"],
    ["launcher"],
    ["sweep"],
    ["worker", "checks"],
    ["report"],
    ["facts"],
    ["supervisor"],
    ["status"],
    ["by_hand"],
]
# for Lightning and MLflow, and what they use: nothing imports them
SIDES = {
    "lightning": {"errors", "console", "command_line", "space", "study", "sweep"},
    "mlflow": {"errors", "console", "space", "study", "sweep"},
}
APPLICATIONS = {
    "command_line": {"errors"},
    "__main__": {"by_hand", "command_line", "errors", "facts", "status", "study"},
    "__init__": {"errors", "command_line", "study", "sweep"},
}
HEAVY = {"lightning", "mlflow", "torch", "torchmetrics", "torchvision"}
PUBLIC = {
    "hydra_sweep": hydra_sweep.__all__,
    "hydra_sweep.lightning": hydra_sweep.lightning.__all__,
    "hydra_sweep.mlflow": hydra_sweep.mlflow.__all__,
    "hydra_sweep.pruners": hydra_sweep.pruners.__all__,
}


def imports(file: Path) -> Iterator[tuple[str, str | None]]:
    """Each module that a file imports, anywhere in it, with the name taken from it, if one is."""
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: a relative import"
            yield from ((node.module, alias.name) for alias in node.names)


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


def allowed(room: str) -> set[str]:
    if room in SIDES or room in APPLICATIONS:
        return {**SIDES, **APPLICATIONS}[room]
    below: set[str] = set()
    for floor in FLOORS:
        if room in floor:
            return below
        below |= set(floor)
    raise AssertionError(f"{room} has no place in FLOORS")


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_go_one_way(file):
    room = room_of(file)
    if room == "configs":
        return
    for module, name in imports(file):
        first, *rest = module.split(".")
        assert first != "src", f"{file} knows the template"
        if first == "hydra_sweep":
            other = rest[0] if rest else name
            assert other == room or other in allowed(room), f"{room} imports {other}"
        elif room not in SIDES:
            assert first not in HEAVY, f"{file} imports {first}"


def test_each_room_says_what_it_is():
    rooms = [room for floor in FLOORS for room in floor if (PACKAGE / room).is_dir()] + list(SIDES)
    assert {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").is_file()} == {
        *rooms,
        "configs",
    }
    for room in rooms:
        said = ast.get_docstring(ast.parse((PACKAGE / room / "__init__.py").read_text()))
        assert 150 < len(said) < 800, room


def test_plugins_are_thin():
    for file in (SRC / "hydra_plugins").rglob("*.py"):
        assert len(file.read_text().splitlines()) < 40
        assert not HEAVY & {module.partition(".")[0] for module, _ in imports(file)}


OURS = ("hydra_sweep", "hydra_plugins")
TEMPLATE = [path for path in SRC.rglob("*.py") if path.relative_to(SRC).parts[0] not in OURS]


@pytest.mark.parametrize("file", sorted(TEMPLATE), ids=lambda file: str(file.relative_to(SRC)))
def test_the_template_uses_public_names_only(file):
    for module, name in imports(file):
        assert not module.startswith(("src.hydra_", "hydra_plugins"))
        if module.partition(".")[0] == "hydra_sweep":
            assert name in PUBLIC.get(module, ()), f"{module}.{name} is not public"


def test_configurations_use_public_names_only():
    named = []
    for file in [*(ROOT / "configs").rglob("*.yaml"), *(PACKAGE / "configs").rglob("*.yaml")]:
        named += re.findall(r"(?<![\w./])hydra_sweep(?:\.\w+)+", file.read_text())
    assert named
    for path in named:
        module, _, name = path.rpartition(".")
        assert name in PUBLIC.get(module, ()), path


@pytest.mark.parametrize("module", [hydra_sweep, hydra_sweep.lightning, hydra_sweep.mlflow])
def test_public_names_are_there(module):
    assert module.__all__ == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name).__doc__, name
    with pytest.raises(AttributeError):
        _ = module.no_such_name
