"""What `papilio explore` does: finds the runs, computes what is missing of their maps, and opens the page."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from papilio.data.progress import is_terminal, reading_progress, tell
from papilio.errors import PapilioError, RunError, SettingError, one_line, reason_of
from papilio.explorer.jobs import Stopped
from papilio.explorer.scene import Scene
from papilio.files import possible_path
from papilio.results.best import place_of_run
from papilio.results.reading import read_results
from papilio.results.results import StudyResults
from papilio.runs.run import find_run
from papilio.studies.images import StudyImages
from papilio.study_folder import is_study_folder

if TYPE_CHECKING:  # starlette is imported where a server starts
    from papilio.explorer.server import Shown

MOST_RUNS = 6  # side by side
SECONDS_TO_STOP = 20  # for what is computed behind the page, when the server ends
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def open_scenes(
    run: Path | str,
    *,
    pictures: Sequence[Path] = (),
    judge: str | None = None,
    most: int = MOST_RUNS,
    left_out: Callable[[str], None] = lambda line: None,
) -> tuple[str, list[Scene]]:
    """A title, and a run to explore with those next to it; what is missing of their points `Scene.prepare` computes.

    `run` is a run's folder, or that of a study, or the name of a run that comes with Papilio. Next to it are the best runs
    of the other trials of its study that have images of the same shape, `most` in all; `left_out` is told of those that cannot
    be opened. `judge` is a classifier, a run or a study likewise. Raises RunError for what is no run.
    """
    judge = None if judge is None else str(place_of_run(judge)[0])
    folders, title = runs_to_explore(run)
    sets = StudyImages({})
    first = Scene(folders[0], judge=judge, pictures=pictures, sets=sets)
    return title, [first, *_beside(first, folders[1:], judge=judge, sets=sets, most=most - 1, left_out=left_out)]


def runs_to_explore(run: Path | str) -> tuple[list[Path], str]:
    """The folders of runs, the one that was asked for first, and the title of their study. Raises RunError for none."""
    folder = possible_path(run, error=RunError)
    if is_study_folder(folder) and not (folder / "run.json").exists():
        results = read_results(folder)
        found = _best_first(results, None)
        if not found:
            raise RunError(f"{folder}: no run of this study is finished; run the study first")
        return found, results.title
    found = find_run(run)
    placed = _placed(found)
    study = placed.parent.parent
    if placed.parent.name == "runs" and is_study_folder(study):
        results = read_results(study)
        return _best_first(results, placed), results.title
    return [found], placed.name


def _placed(folder: Path) -> Path:
    """Its whole path, so that "." and ".." have a name and a folder above them; links are kept as far as that goes."""
    return folder.resolve() if ".." in folder.parts else folder.absolute()


def _best_first(results: StudyResults, asked: Path | None) -> list[Path]:
    found = [] if asked is None else [asked]
    best = [results.best] if asked is None and results.best is not None else []
    best += [run for stage in results.stages for trial in results.ranked(stage) if (run := trial.best)]
    for run in best:
        folder = _placed(run.folder)
        if folder not in found and (folder / "weights.safetensors").exists():
            found.append(folder)
    return found


def _beside(
    first: Scene,
    folders: Sequence[Path],
    *,
    judge: str | None,
    sets: StudyImages,
    most: int,
    left_out: Callable[[str], None],
) -> list[Scene]:
    """Of the other runs those with images of the same shape."""
    found: list[Scene] = []
    for folder in folders:
        if len(found) == most:
            break
        try:
            scene = Scene(folder, judge=judge, sets=sets)
            if scene.facts.images.shape == first.facts.images.shape:
                found.append(scene)
        except PapilioError as error:
            left_out(_not_shown(folder, error))
    return found


def _not_shown(folder: Path, error: Exception) -> str:
    """A line about a run that is missing on the page."""
    why = str(error) if isinstance(error, PapilioError) else f"{type(error).__name__}: {error}"
    return one_line(f"not shown: {folder.name}: {why.removeprefix(f'{folder}: ')}")


@contextlib.contextmanager
def stops_in_one_line() -> Iterator[None]:
    """Says what came of a Ctrl-C in the block, on a line of its own."""
    try:
        yield
    except KeyboardInterrupt:
        line = "papilio: stopped; what was finished is kept"
        tell(f"\n{line}" if is_terminal(sys.stderr) else line, file=sys.stderr)
        raise


def explore(
    run: Path | str,
    *,
    pictures: Sequence[Path] = (),
    judge: str | None = None,
    host: str = LOOPBACK[0],
    port: int = 0,
    opens_browser: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the page of a run until Ctrl-C is pressed; `say` is told its address. `port` 0 takes a free one.

    Raises SettingError where the port cannot be had, and what `open_scenes` raises.
    """
    missing: list[str] = []
    title, scenes = open_scenes(run, pictures=pictures, judge=judge, left_out=missing.append)
    with _listening(host, port) as listening:
        with stops_in_one_line():
            scenes[0].prepare(reading_progress())
        _serve_page(scenes, missing, title=title, host=host, listening=listening, opens_browser=opens_browser, say=say)


def _serve_page(
    scenes: Sequence[Scene],
    missing: list[str],
    *,
    title: str,
    host: str,
    listening: socket.socket,
    opens_browser: bool,
    say: Callable[[str], None],
) -> None:
    from papilio.explorer.server import Shown, local_hosts, make_app, serve

    port, token = listening.getsockname()[1], secrets.token_urlsafe(16)
    shown = Shown([scenes[0]], waiting=list(scenes[1:]), missing=missing)
    app = make_app(shown, title=title, token=token, hosts=local_hosts(port) if host in LOOPBACK else None)
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}/?token={token}"
    computing = threading.Thread(target=_make_ready, args=(shown, say), daemon=True)

    def ready() -> None:
        for line in missing:
            say(line)
        say(f"{title}: {url}")
        say("press Ctrl-C to stop")
        computing.start()
        if opens_browser:
            threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    try:
        serve(app, listening=listening, on_ready=ready)
    finally:  # after Ctrl-C, too: a thread that ends with the process in the middle of torch's work would abort it
        if computing.ident is not None:
            computing.join(SECONDS_TO_STOP)


def _make_ready(shown: Shown, say: Callable[[str], None]) -> None:
    """Load what the first picture takes; then compute the points of the other runs, one after another.

    A run that cannot be shown is left out, and told of; the page waits for the others, and they for the picture at the pointer.
    """
    with contextlib.suppress(Exception):  # it is said when it is asked for
        shown.scenes[0].warm_up()

    def go_on(done: int, total: int, what: str) -> None:
        shown.courtesy.give_way()
        if shown.closing.is_set():
            raise Stopped

    while shown.waiting and not shown.closing.is_set():
        scene = shown.waiting[0]
        try:
            scene.prepare(go_on)
            shown.scenes.append(scene)
        except Stopped:
            return
        except Exception as error:
            shown.missing.append(_not_shown(scene.folder, error))
            say(shown.missing[-1])
        shown.waiting.remove(scene)


def _listening(host: str, port: int) -> socket.socket:
    """A socket that is the server's from now on, so that no other program can have its port while points are computed.

    `port` 0 is a free one. Raises SettingError for an address that cannot be had.
    """
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    if os.name == "posix":  # a server that has just ended does not keep its port; on Windows this would let two have it
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
        listening.listen()
    except (OSError, UnicodeError) as error:
        listening.close()
        if port and isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES):
            advice = "choose another, or leave it out"
            raise SettingError(f"--port {port}: cannot be used ({reason_of(error)}); {advice}") from error
        raise SettingError(f"--host {host}: cannot be used ({reason_of(error)}); leave it out") from error
    return listening
