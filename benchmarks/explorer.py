"""`python -m benchmarks.explorer RUN...`: how quick and how large `papilio explore` is, in a real browser.

For each run: seconds from the command to the map on the page, with maps that were computed before; milliseconds from a movement
of the pointer to the decoder's picture on the page; memory of the server. Prints a table in Markdown; --out writes it to a file.
It takes Chromium (Debian: apt install chromium) and Playwright (in the extra `dev`).
"""

from __future__ import annotations

import argparse
import json
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page, sync_playwright

from benchmarks.machine import describe_machine
from benchmarks.processes import environment

CHROMIUM = "/usr/bin/chromium"
NUM_MOVES, PAUSE = 300, 120  # ms between moves: each is answered before the next
ROUNDS = 5  # starts of the command
# when the pointer moves, and when a picture is drawn for it: both by the page's clock
WATCH = """
window.moves = []; window.drawn = []; window.mapDrawn = 0;
addEventListener("pointermove", event => window.moves.push(performance.now()), true);
const put = CanvasRenderingContext2D.prototype.putImageData;
CanvasRenderingContext2D.prototype.putImageData = function (...given) {
  const found = put.apply(this, given);
  if (this.canvas.closest(".pictures figure:first-of-type .frame")) {
    requestAnimationFrame(() => window.drawn.push(performance.now()));
  } else if (this.canvas.width > 300 && !window.mapDrawn) {
    requestAnimationFrame(() => { window.mapDrawn = performance.timeOrigin + performance.now(); });
  }
  return found;
};
"""


@dataclass(frozen=True)
class Found:
    """Of one run; times in seconds and milliseconds."""

    title: str
    points: int
    image: str
    first_sight: list[float]
    pointer: list[float]
    memory: int


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", metavar="RUN", help="the folder of a run or of a study")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="starts of the command, of each run")
    parser.add_argument("--out", type=Path, help="a Markdown file")
    given = parser.parse_args(arguments)
    machine = describe_machine()
    text = table([measure(run, rounds=given.rounds) for run in given.runs], machine)
    print(text)
    if given.out:
        given.out.write_text(text)
    return 0


def measure(run: str, *, rounds: int) -> Found:
    """The first start, which may compute what is missing, does not count."""
    seen: list[float] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for number in range(1 + rounds):
            start = time.time()
            with serving(run) as (process, url):
                page = browser.new_page(viewport={"width": 1280, "height": 800})
                page.add_init_script(WATCH)
                page.goto(url)
                page.wait_for_function("window.mapDrawn > 0", timeout=600_000)
                if number:
                    seen.append(page.evaluate("window.mapDrawn") / 1000 - start)
                if number == rounds:
                    about = run_on(page)
                    pointer = moved(page)
                    memory = memory_of(process)
                page.close()
        browser.close()
    height, width, channels = about["image"]
    image = f"{height} x {width} {'RGB' if channels == 3 else 'gray'}"
    return Found(f"{about['title']}: {about['name']}", about["num"], image, seen, pointer, memory)


@contextmanager
def serving(run: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and the address that it printed."""
    command = [str(Path(sys.executable).with_name("papilio")), "explore", run, "--no-browser"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
    assert process.stdout is not None
    url = re.search(r"http://\S+", process.stdout.readline())
    assert url is not None, f"{run}: papilio explore did not start"
    try:
        yield process, url[0]
    finally:
        process.terminate()
        process.wait(30)


def run_on(page: Page) -> dict[str, Any]:
    """What the page was told of the run."""
    ask = """async () => {
      const token = JSON.parse(document.getElementById("boot").textContent).token;
      const answer = await (await fetch("api/about", { headers: { "X-Papilio-Token": token } })).json();
      return { title: answer.title, ...answer.runs[0] };
    }"""
    return page.evaluate(ask)


def moved(page: Page) -> list[float]:
    """Milliseconds from each of many movements to its picture on the page."""
    box = page.locator("canvas").first.bounding_box()
    assert box is not None
    rng = random.Random(0)
    page.wait_for_timeout(3000)  # nets are loaded in the background
    places = [(rng.uniform(0.2, 0.8), rng.uniform(0.2, 0.8)) for _ in range(NUM_MOVES)]
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.wait_for_timeout(1000)
    page.evaluate("window.moves.length = window.drawn.length = 0")
    for across, down in places:
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        page.wait_for_timeout(PAUSE)
    page.wait_for_timeout(1000)
    moves, drawn = page.evaluate("[window.moves, window.drawn]")
    found = [next((end - start for end in drawn if end >= start), float("inf")) for start in moves]
    assert len(found) >= NUM_MOVES
    return found


def memory_of(process: subprocess.Popen[str]) -> int:
    """Bytes that the server and its processes hold."""
    parent = psutil.Process(process.pid)
    return sum(one.memory_info().rss for one in (parent, *parent.children(recursive=True)))


def table(found: Sequence[Found], machine: dict[str, Any]) -> str:
    rows = [
        "| run | points | images | first sight, s | pointer to picture, ms: median | p95 | largest | memory, MiB |",
        "|---|---:|---|---:|---:|---:|---:|---:|",
    ]
    for one in found:
        ordered = sorted(one.pointer)
        p95 = ordered[int(0.95 * len(ordered))]
        sight = f"{statistics.median(one.first_sight):.1f} ({min(one.first_sight):.1f} – {max(one.first_sight):.1f})"
        rows.append(
            f"| {one.title} | {one.points:,} | {one.image} | {sight} | {statistics.median(ordered):.0f} | {p95:.0f}"
            f" | {ordered[-1]:.0f} | {one.memory / 2**20:,.0f} |"
        )
    words = (
        f"\n{NUM_MOVES} movements to random places of the PCA map, {PAUSE} ms apart; first sight: median of"
        f" {len(found[0].first_sight)} starts with the range, from the command to the map drawn, maps computed before, the"
        f" browser running.\n\n`{json.dumps(machine)}`\n"
    )
    return "# `papilio explore` in a browser\n\n" + "\n".join(rows) + "\n" + words


if __name__ == "__main__":
    sys.exit(main())
