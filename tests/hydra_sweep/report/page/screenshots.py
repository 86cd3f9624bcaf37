"""Pictures of a report, to be looked at: wide and narrow, light and dark.

python -m tests.hydra_sweep.report.page.screenshots report.html FOLDER
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.hydra_sweep.report.page.conftest import draw_all


def main(report: Path, folder: Path) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )
        for width in (1280, 390):
            for scheme in ("light", "dark"):
                page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                page.goto(report.resolve().as_uri())
                draw_all(page)
                page.screenshot(path=folder / f"{report.stem}-{width}-{scheme}.png", full_page=True)
                page.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
