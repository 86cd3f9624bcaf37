"""The file alone, without a browser."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest

import hydra_sweep.report.page
from hydra_sweep.report.page import render
from tests.hydra_sweep.report.page import examples

FOLDER = Path(hydra_sweep.report.page.__file__).parent


def test_the_policy_names_the_scripts_and_the_facts_are_whole():
    page = render(examples.hostile())
    facts = re.search(r'<script id="facts" type="application/json">(.*?)</script>', page, re.S)[1]
    assert json.loads(facts) == examples.hostile()
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', page)[1]
    scripts = re.findall(r'<script(?: type="module")?>(.*?)</script>', page, re.S)
    hashes = {base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in scripts}
    assert set(re.findall(r"'sha256-(.*?)'", policy)) == hashes
    assert len(hashes) == 2
    assert policy.startswith("default-src 'none'")
    with pytest.raises(ValueError, match="JSON compliant"):
        render({**examples.hostile(), "made": float("nan")})


def test_the_library_is_the_one_that_is_said():
    said = re.search(r"SHA-256 (\w+)", (FOLDER / "echarts.md").read_text())[1]
    assert hashlib.sha256((FOLDER / "echarts.min.js").read_bytes()).hexdigest() == said
    assert b"Licensed to the Apache Software Foundation" in (FOLDER / "echarts.min.js").read_bytes()[:200]
