"""`report.html`: one file that opens without a network, made of the facts of one or several studies.

template.html has its frame, style.css its looks, scripts/ what draws it, one idea a file; echarts.min.js is
the chart library (echarts.md says which). The scripts know only the facts that are in the page itself.
Imports the standard library, and knows nothing of Optuna, sweeps or folders.
"""

import base64
import hashlib
import html
import json
import re
from importlib.resources import files
from typing import Any

PARTS = files(__name__)
# Hoisting makes the order of the others indifferent; the last one begins.
LAST = "main.js"


def render(data: dict[str, Any]) -> str:
    """The page of the facts, which hold no NaN or infinity (ValueError).

    Text of the facts never becomes markup: `<` is escaped, and the page makes text nodes of it.
    Only the page's own scripts run, which its Content-Security-Policy names by their hashes, and nothing is
    fetched from anywhere.
    """
    library, scripts = _read("echarts.min.js"), _scripts()
    parts = {
        "title": html.escape(" and ".join(study["name"] for study in data["studies"]) or "No study"),
        "policy": _policy(library, scripts),
        "style": _read("style.css"),
        "data": json.dumps(data, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c"),
        "library": library,
        "scripts": scripts,
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda match: parts[match[1]], _read("template.html"))


def _read(name: str) -> str:
    return (PARTS / name).read_text(encoding="utf-8")


def _scripts() -> str:
    names = sorted(one.name for one in (PARTS / "scripts").iterdir() if one.name.endswith(".js"))
    return "".join(_read(f"scripts/{name}") for name in [*(n for n in names if n != LAST), LAST])


def _policy(*scripts: str) -> str:
    """Inline style is of the chart library's tooltips, and the images are its patterns."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{one}'" for one in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data:;"
        " base-uri 'none'; form-action 'none'"
    )
