"""What an index, and pip, read of the wheel."""

import re
import zipfile
from email.message import Message
from email.parser import Parser

import pytest

BASE = {"hydra-core", "hydra-submitit-launcher", "optuna", "psutil", "rich", "submitit"}
EXTRAS = {
    "lightning": {"lightning", "torch"},
    "mlflow": {"lightning", "mlflow"},
    "postgresql": {"psycopg", "sqlalchemy"},
    "samplers": {"cmaes", "greenlet", "scipy"},
}


@pytest.fixture
def metadata(wheel) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (one for one in archive.namelist() if one.endswith("METADATA"))
        return Parser().parsestr(archive.read(name).decode())


def required(metadata: Message, extra: str | None) -> set[str]:
    found = metadata.get_all("Requires-Dist")
    ours = [one for one in found if (f"extra == '{extra}'" in one if extra else "extra ==" not in one)]
    return {re.match(r"[\w-]+", one)[0] for one in ours}


def test_the_base_needs_no_more_and_each_extra_its_own(metadata):
    assert required(metadata, None) == BASE
    assert set(metadata.get_all("Provides-Extra")) == set(EXTRAS)
    for extra, packages in EXTRAS.items():
        assert required(metadata, extra) == packages


def test_it_holds_the_package_and_its_plugins_alone(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"hydra_sweep", "hydra_plugins"}
    assert {"hydra_sweep/py.typed", "hydra_sweep/configs/hydra/sweeper/async_optuna.yaml"} <= set(names)
    page = [name.removeprefix("hydra_sweep/report/page/") for name in names if "/report/page/" in name]
    assert {"template.html", "style.css", "echarts.min.js", "echarts.LICENSE", "scripts/main.js"} <= set(
        page
    )
    assert any(name.endswith("licenses/LICENSE") for name in names)
