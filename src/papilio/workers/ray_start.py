"""Finding, starting and leaving a Ray cluster: `--ray ADDRESS`, `auto` (a Ray that runs here) or `local` (one of its own).

Ray is imported when it is asked for; nothing else of Papilio needs it.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path

from papilio.data.parallel import available_cores
from papilio.errors import RequestError, RunFailed
from papilio.settings.references import OwnFunctions
from papilio.workers.messages import Crew
from papilio.workers.ray_pool import RayPool, count_slots, describe_nodes, import_ray

SECONDS_TO_CONNECT = 30.0
SECONDS_TO_ANSWER = 10.0
PACKAGE = Path(__file__).parents[1]
# a process of its own: Ray tries for two minutes and prints all the while, and nothing in this process could stop it
TRY_TO_CONNECT = """
import logging, sys, ray
try:
    ray.init(address=sys.argv[1], logging_level=logging.CRITICAL, log_to_driver=False)
except Exception as error:
    print(" ".join(str(error.__cause__ or error).split()))
    sys.exit(1)
"""


@contextmanager
def ray_crew(address: str, workers: int | None, *, num_runs: int, is_on_cpu: bool, own: OwnFunctions) -> Iterator[Crew]:
    """Connected while the block runs: one single-threaded worker for each of the cluster's processors.

    Where runs are trained on accelerators, one for each of those. Raises RequestError where Ray is not installed, RunFailed
    where no such cluster answers.
    """
    with connected(address, num_cpus=workers or available_cores()):
        resource = "CPU" if is_on_cpu else "GPU"
        limit = min(workers or num_runs, num_runs)
        num_slots = workers or count_slots(resource)
        if not num_slots:
            raise RunFailed(f"--ray {address}: the cluster has no {resource}s; add a node that has, or give --workers")
        yield Crew(
            min(num_slots, limit),
            1,
            partial(RayPool, min(num_slots, limit), limit=limit, resource=resource, own=own),
            describe_nodes(),
        )


@contextmanager
def connected(address: str, *, num_cpus: int) -> Iterator[None]:
    """Connected to a cluster while the block runs; `local` starts one on this machine and ends it afterwards."""
    ray = import_ray()
    if ray.is_initialized():
        raise RequestError("--ray: this process is already connected to Ray; call ray.shutdown() first")
    if address.startswith("ray://"):
        raise RequestError(f"--ray {address}: Ray Client is not supported; give HOST:PORT, on a node of the cluster")
    if address != "local":
        refuse_unreachable(address)
    with _ray_settings(), _short_folder() as folder:
        try:
            _connect(address, num_cpus=num_cpus, folder=folder)
            yield
        finally:
            ray.shutdown(wait_for_processes=True)


def refuse_unreachable(address: str) -> None:
    """Raises RunFailed, saying why, where no Ray of this version answers at the address in reasonable time."""
    host, _, port = address.rpartition(":")
    try:
        if address != "auto":
            socket.create_connection((host.strip("[]"), int(port)), timeout=SECONDS_TO_ANSWER).close()
        done = subprocess.run(
            [sys.executable, "-c", TRY_TO_CONNECT, address],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS_TO_CONNECT,
        )
    except ValueError as error:
        raise RequestError(f"--ray {address}: expected HOST:PORT, auto or local") from error
    except OSError as error:
        raise RunFailed(
            f"--ray {address}: no Ray cluster responds there ({error}); start it with: ray start --head"
        ) from error
    except subprocess.TimeoutExpired as error:
        raise RunFailed(
            f"--ray {address}: no Ray cluster responded within {SECONDS_TO_CONNECT:.0f} s; is it running?"
        ) from error
    if done.returncode:
        reason = done.stdout.strip() or "is this machine one of its nodes? (ray start --address=HOST:PORT makes it one)"
        if "Could not find any running Ray" in reason:
            reason = "none runs on this machine; start it with: ray start --head, or use --ray local"
        raise RunFailed(f"--ray {address}: this Ray cannot be used: {reason}")


def _connect(address: str, *, num_cpus: int, folder: str) -> None:
    """Quietly, and with this very Papilio on every node, whether or not one is installed there."""
    variables = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    if address == "local":
        variables["TMPDIR"] = folder  # what a worker that was killed leaves goes with the folder
        # else Ray would leave one in the home folder, and from then on not talk to a cluster that was started without
        os.environ.setdefault("RAY_AUTH_TOKEN", _own_token())
    runtime_env = {"py_modules": [str(PACKAGE)], "excludes": ["**/__pycache__"], "env_vars": variables}
    ray = import_ray()
    init = partial(ray.init, address, logging_level=logging.CRITICAL, log_to_driver=False, runtime_env=runtime_env)
    try:
        if address == "local":
            init(num_cpus=num_cpus, include_dashboard=False, _temp_dir=folder)
        else:
            init()
    except Exception as error:  # Ray raises of every kind
        raise RunFailed(f"--ray {address}: {_one_line(error)}") from error


@cache
def _own_token() -> str:
    """The word by which the processes of a Ray of our own know each other; Ray reads it once, so it stays the same."""
    return secrets.token_hex(32)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error.__cause__ or error).split()) or type(error).__name__


def _short_folder() -> tempfile.TemporaryDirectory[str]:
    """For a Ray of our own; in /tmp wherever TMPDIR is, for the paths of its sockets may not have more than 100 characters."""
    return tempfile.TemporaryDirectory(prefix=f"papilio-ray-{os.getpid()}-", dir="/tmp", ignore_cleanup_errors=True)


@contextmanager
def _ray_settings() -> Iterator[None]:
    """No telemetry; what Ray sets in this process (variables, a handler of SIGTERM) is afterwards as it was."""
    before = {name: value for name, value in os.environ.items() if name.startswith("RAY_")}
    is_main = threading.current_thread() is threading.main_thread()
    handler = signal.getsignal(signal.SIGTERM)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    try:
        yield
    finally:
        for name in [name for name in os.environ if name.startswith("RAY_")]:
            del os.environ[name]
        os.environ.update(before)
        if is_main:
            signal.signal(signal.SIGTERM, handler)
