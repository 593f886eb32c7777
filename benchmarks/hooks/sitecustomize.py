"""Python imports this at its start where the folder is on its path: it notes when a study's runs begin and end to train.

For checkouts of any commit: the processor time of the worker and of its study's process, and the clock, around the function in
which runs train, as a line of JSON in the file that $PAPILIO_NOTES names.
"""

import importlib.abc
import importlib.util
import json
import os
import sys
import time
from pathlib import Path


class Changing(importlib.abc.MetaPathFinder):
    """Changes a module as soon as it is imported."""

    def __init__(self, name, change):
        self.name = name
        self.change = change

    def find_spec(self, name, path, target=None):
        if name != self.name:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            self.change(module)

        spec.loader.exec_module = exec_module
        return spec


def watch_training(module):
    module.train_runs = watched(module.train_runs)


def write_no_live_report(module):
    """On a machine that others use a small study takes long enough to have one, which belongs to no part of it."""
    module.SECONDS_TO_FIRST = 1e9


def watched(function):
    def call(*arguments, **options):
        begin = moment()
        try:
            return function(*arguments, **options)
        finally:
            with Path(os.environ["PAPILIO_NOTES"]).open("a") as file:
                file.write(json.dumps({"worker": os.getpid(), "begin": begin, "end": moment()}) + "\n")

    return call


def moment():
    """What this process and its parent have taken of the processor, and the clock: seconds."""
    return {"own": time.process_time(), "parent": seconds_of(os.getppid()), "clock": time.time()}


def seconds_of(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if "PAPILIO_NOTES" in os.environ:
    sys.meta_path.insert(0, Changing("papilio.runs.loop", watch_training))
    sys.meta_path.insert(0, Changing("papilio.execution.live_report", write_no_live_report))
