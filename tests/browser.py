"""The browser that is installed, which is Debian's in CI."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Browser, sync_playwright


@contextmanager
def chromium() -> Iterator[Browser]:
    """Skips where there is none. While it lives, nothing else can run an event loop of its own."""
    program = shutil.which("chromium")
    if not program:
        pytest.skip("there is no browser: apt-get install chromium")
    with sync_playwright() as playwright:
        # root, which CI is, has no sandbox
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
