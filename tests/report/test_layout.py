"""How the page is laid out, in a browser, where there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import study_folders

from papilio.sections.page import write_report

STICKS_OUT = """() => {
  const edge = document.querySelector("main").getBoundingClientRect().right;
  const fits = box => {
    box.style.marginRight = "0";
    Object.assign(box.querySelector("table").style, { width: "100%", minWidth: "0" });
    return box.scrollWidth <= box.clientWidth + 1;
  };
  return Array.from(document.querySelectorAll("main .scroll"))
    .filter(box => Math.max(box.getBoundingClientRect().right, box.firstElementChild.getBoundingClientRect().right) > edge + 1)
    .filter(fits).map(box => box.closest("section").id);
}"""
CAPTIONS = """() => Array.from(document.querySelectorAll("main .scroll.more")).map(box =>
  [box.querySelector("caption").offsetHeight, getComputedStyle(box).maskSize])"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(study_folders.classification_study(tmp_path_factory.mktemp("study")))


@pytest.mark.parametrize("width", [1200, 1280, 1440])
def test_only_what_does_not_fit_sticks_out_of_the_column(report: Path, browser: Any, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto(report.as_uri())
    for one in page.query_selector_all("summary"):
        one.click()
    assert page.evaluate(STICKS_OUT) == []
    page.close()


def test_captions_of_tables_that_scroll_do_not_fade(report: Path, browser: Any) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900})
    page.goto(report.as_uri())
    found = page.evaluate(CAPTIONS)
    assert found and all(height > 20 and size.startswith(f"100% {height}px") for height, size in found)
    page.close()
