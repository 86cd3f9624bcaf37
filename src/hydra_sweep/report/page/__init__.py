"""The report's page: one HTML file, of what `facts/collect.py` makes."""

import json
from typing import Any


def render(data: dict[str, Any]) -> str:
    """The whole file."""
    text = json.dumps(data, allow_nan=False, ensure_ascii=False).replace("</", "<\\/")
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Sweep</title>'
    return f'{head}<script id="facts" type="application/json">{text}</script></html>'
