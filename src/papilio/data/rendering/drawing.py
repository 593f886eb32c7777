"""Drawing many pictures into one array file, a share of them in each of several processes.

The steps of a picture are too short for threads: they wait for each other more than they draw. Each process draws every
so-manieth block of pictures into its place in the file, and says on its standard output when a block is there.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue

import numpy as np

from papilio.data.parallel import available_cores
from papilio.data.progress import Progress
from papilio.data.rendering.renderers import make_renderer
from papilio.data.rendering.settings import RenderSettings
from papilio.errors import DataError
from papilio.files import open_atomic

BLOCK = 100  # pictures
MOST_PROCESSES = 8
WORTH_A_PROCESS = 1500  # pictures: fewer are drawn sooner than a process has started


def draw_images(path: Path, name: str, settings: RenderSettings, *, progress: Progress | None) -> None:
    """Write all pictures of a set as one `.npy` file, which is there when they all are.

    Raises DataError where a process that draws ends early, StorageError where the file cannot be written.
    """
    num_processes = max(1, min(MOST_PROCESSES, available_cores(), settings.num // WORTH_A_PROCESS))
    with open_atomic(path) as file:
        shape = (settings.num, settings.size, settings.size, *((3,) if settings.color == "rgb" else ()))
        np.lib.format.write_array_header_1_0(file, {"descr": "|u1", "fortran_order": False, "shape": shape})
        start = file.tell()
        file.truncate(start + int(np.prod(shape)))
        file.flush()
        job = {"name": name, "settings": asdict(settings), "path": str(file.name), "start": start}
        drawn = _draw_blocks(**job) if num_processes == 1 else _draw_in_processes(job, num_processes)
        done = 0
        for num in drawn:
            done += num
            if progress is not None:
                progress(done, settings.num, f"drawing {name}")


def _draw_blocks(*, name: str, settings: dict, path: str, start: int, first: int = 0, step: int = 1) -> Iterator[int]:
    """Draw every `step`th block from the `first` one on; yields how many pictures each of them had."""
    how = RenderSettings(**settings)
    renderer = make_renderer(name, how)
    values = renderer.shown(how)
    with Path(path).open("r+b") as file:
        for begin in range(first * BLOCK, how.num, step * BLOCK):
            pixels = [
                renderer.draw(number, values[number].tolist()).tobytes()
                for number in range(begin, min(begin + BLOCK, how.num))
            ]
            file.seek(start + begin * len(pixels[0]))
            file.write(b"".join(pixels))
            file.flush()
            yield len(pixels)


def _draw_in_processes(job: dict, num: int) -> Iterator[int]:
    """As `_draw_blocks`, all blocks in `num` processes, which end with this generator."""
    said: SimpleQueue[str | None] = SimpleQueue()
    with ExitStack() as stack:
        processes = []
        for first in range(num):
            process = subprocess.Popen(
                [sys.executable, "-m", __name__, json.dumps(job | {"first": first, "step": num})],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(_end, process)
            processes.append(process)
            threading.Thread(target=_listen, args=(process, said), daemon=True).start()
        still_drawing = num
        while still_drawing:
            line = said.get()
            if line is None:
                still_drawing -= 1
            else:
                yield int(line)
        for process in processes:
            if process.wait():
                reason = (process.stderr.read() if process.stderr else "").strip().splitlines()
                raise DataError(f"a drawing process ended early: {reason[-1] if reason else process.returncode}")


def _listen(process: subprocess.Popen[str], said: SimpleQueue[str | None]) -> None:
    for line in process.stdout or ():
        said.put(line)
    said.put(None)


def _end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


if __name__ == "__main__":
    for count in _draw_blocks(**json.loads(sys.argv[1])):
        print(count, flush=True)
