"""What a user does with the page, and what is seen then."""

from __future__ import annotations

import base64
from typing import Any

import numpy as np

POINTER = ".pictures figure:nth-of-type(1)"
KEPT = ".pictures figure:nth-of-type(2)"
PIXELS = """canvas => { const {data} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return Array.from({length: data.length / 4}, (_, i) => data[4 * i]); }"""


def pixels(page: Any, selector: str) -> np.ndarray:
    return np.array(page.locator(selector).first.evaluate(PIXELS))


def settled(page: Any, selector: str, before: np.ndarray | None = None) -> np.ndarray:
    """The pixels of a picture, once there are some, and others than before."""
    for _ in range(200):
        if page.locator(selector).count():
            now = pixels(page, selector)
            if now.max() > 0 and (before is None or (now != before).any()):
                return now
        page.wait_for_timeout(25)
    raise AssertionError(f"{selector} did not change")


def at(page: Any, across: float, down: float) -> tuple[float, float]:
    box = page.locator("#map").bounding_box()
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def keep(page: Any, across: float = 0.5, down: float = 0.45) -> str:
    """Clicks on the map, and waits for what is kept; its words."""
    before = page.locator("[aria-live]").text_content()
    page.mouse.click(*at(page, across, down))
    page.wait_for_function("before => document.querySelector('[aria-live]').textContent !== before", arg=before)
    settled(page, f"{KEPT} .frame canvas")
    return page.locator(KEPT).inner_text()


def drop(page: Any, *files: tuple[str, bytes]) -> None:
    given = [{"name": name, "data": base64.b64encode(content).decode()} for name, content in files]
    page.evaluate(
        """files => { const transfer = new DataTransfer();
          for (const {name, data} of files) {
            const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
            transfer.items.add(new File([bytes], name, {type: 'image/png'}));
          }
          for (const type of ['dragover', 'drop']) {
            document.body.dispatchEvent(new DragEvent(type, {dataTransfer: transfer, bubbles: true, cancelable: true}));
          } }""",
        given,
    )
