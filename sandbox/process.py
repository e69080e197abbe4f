"""Long-running processes of the world: start, ask whether they live, wait until they are ready, stop.

Each process leads a process group of its own and holds the lock of `<folder>/run/<name>`, a file with its
process id. The lock is inherited, so it is held exactly as long as a process of the group lives: nothing here
acts on an id that the system has meanwhile given to somebody else, and whoever finds the folder can stop what
runs in it, also after the starter was killed. Output goes to `<folder>/logs/<name>.log`. Does not restart
anything. Dies by SIGTERM to the group, after a grace time by SIGKILL.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

POLL_SECONDS = 0.05
TAIL_LINES = 12


class ProcessError(Exception):
    """A process could not be started, did not become ready, or could not be stopped."""


class Process:
    """One process group of the world that lives in `folder`; its state is there, not in this object."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        self.log = folder / "logs" / f"{name}.log"
        self._lock = folder / "run" / name

    @property
    def pid(self) -> int:
        return int(self._lock.read_text())

    @property
    def alive(self) -> bool:
        try:
            with self._lock.open() as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def signal_group(self, number: signal.Signals) -> None:
        """Sends a signal to every process of the group; nothing when it has ended."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    def reap(self) -> None:
        """Takes the exit status of an ended process when it is our child, and forgets it."""
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)
        self.forget()

    def forget(self) -> None:
        """Removes the run file."""
        self._lock.unlink(missing_ok=True)

    def tail(self) -> str:
        """The last lines of its log, to end an error with."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        return "\n    ".join([f"The end of {self.log}:", *lines[-TAIL_LINES:]])


def start(folder: Path, name: str, arguments: Sequence[str | Path], env: Mapping[str, str] | None = None) -> Process:
    """Starts `arguments` detached from this terminal. `env` is its whole environment (default: ours)."""
    for part in ("run", "logs"):
        (folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
    process = Process(folder, name)
    if process.alive:
        raise ProcessError(f"{name} already runs in {folder} (process {process.pid}). Stop that world first.")
    command = [str(argument) for argument in arguments]
    lock = os.open(folder / "run" / name, os.O_RDWR | os.O_CREAT, 0o600)
    log = os.open(process.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.set_inheritable(lock, True)
        # Not subprocess.Popen: the process may outlive this program, and a Popen object counts that as a mistake.
        pid = os.posix_spawnp(
            command[0],
            command,
            os.environ if env is None else env,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, log, 1),
                (os.POSIX_SPAWN_DUP2, log, 2),
            ],
            setsid=True,
            setsigdef=[signal.SIGPIPE],  # Python ignores it, and the ignoring would be inherited
        )
        os.write(lock, str(pid).encode())
    except OSError as error:
        process.forget()
        raise ProcessError(f"{name} could not be started: {error}.") from error
    finally:
        os.close(lock)
        os.close(log)
    return process


def known(folder: Path) -> list[Process]:
    """The processes of the world in `folder` that were started and not stopped, living or not."""
    run = folder / "run"
    files = sorted(run.iterdir()) if run.is_dir() else []
    return [Process(folder, file.name) for file in files if file.stat().st_size]


def running(folder: Path) -> list[Process]:
    """The living processes of the world in `folder`, whoever started them."""
    return [process for process in known(folder) if process.alive]


def wait_ready(process: Process, ready: Callable[[], bool], seconds: float) -> None:
    """Waits until `ready()`; fails when the process ends before, or after `seconds`."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not process.alive:
            raise ProcessError(f"{process.name} ended before it was ready. {process.tail()}")
        if time.monotonic() > deadline:
            raise ProcessError(f"{process.name} was not ready within {seconds:.0f} s. {process.tail()}")
        time.sleep(POLL_SECONDS)


def stop(processes: Iterable[Process], grace_seconds: float) -> None:
    """Ends these process groups together and returns when none of their processes is left."""
    processes = list(processes)
    for number, seconds in ((signal.SIGTERM, grace_seconds), (signal.SIGKILL, 5.0)):
        for process in processes:
            process.signal_group(number)
            process.signal_group(signal.SIGCONT)  # a process that a test has frozen could not end
        deadline = time.monotonic() + seconds
        while any(process.alive for process in processes) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
    for process in processes:
        if process.alive:
            raise ProcessError(
                f"{process.name} (process group {process.pid}) survived SIGKILL. Nothing else can end it."
            )
        process.reap()
