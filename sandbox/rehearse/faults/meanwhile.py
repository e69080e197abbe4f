"""Faults that are about time: an `up` that runs, a kill that is killed, two kills at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from sandbox.rehearse.command import Ended
from sandbox.rehearse.means import Documented, kill_words
from sandbox.rehearse.stage import CUT, Stage
from sandbox.rehearse.waiting import wait_until

Cut = Callable[[], Ended]

HELD_SECONDS = 4.0
"""For so long the call that makes the new credential hangs: the cut falls into it."""
STEPS = (("POST", "/acl$"), ("DELETE", "/keys/"), ("DELETE", "/device/"), ("GET", "/vip-services$"))
"""Calls in which `kill` is killed, one after the other: each of its steps at Tailscale."""
DEATH_SECONDS = 1.0
"""For so long each of them hangs. It is carried out although its caller is dead."""


@contextmanager
def none(_stage: Stage, _documented: Documented) -> Iterator[None]:
    yield


@contextmanager
def up_running(stage: Stage, _documented: Documented) -> Iterator[Callable[[Cut], Ended]]:
    """An `up` that rotates the credential is under way, and about to make the new one. It is waited for."""
    file = stage.file(CUT)
    file.write_text(file.read_text().replace("config:\n", "config:\n  support-access:credential:\n    generation: 2\n"))
    stage.forget_calls()
    stage.faults({"method": "POST", "path": "/keys$", "kind": "latency", "seconds": HELD_SECONDS, "count": 1})
    up = stage.start("up", ["pulumi", "up", "-s", CUT, "--yes", "--skip-preview", "--non-interactive"])
    wait_until("`pulumi up` makes a credential", lambda: "POST /api/v2/tailnet/-/keys" in stage.calls())

    def cut_then_wait(cut: Cut) -> Ended:
        ended = cut()
        return ended if up.ended().code is not None else Ended(None, "the `pulumi up` hung", ended.seconds)

    try:
        yield cut_then_wait
    finally:
        up.kill()
        stage.write(CUT)
        stage.faults()


@contextmanager
def killed_itself(stage: Stage, _documented: Documented) -> Iterator[Callable[[Cut], Ended]]:
    """SIGKILL to the kill and all that it started, in every step at Tailscale and while it clears the state."""

    def again_and_again(cut: Cut) -> Ended:
        for method, path in STEPS:
            stage.forget_calls()
            stage.faults({"method": method, "path": path, "kind": "latency", "seconds": DEATH_SECONDS, "count": 1})
            killed = stage.start("killed", kill_words(stage))
            wait_until(f"`kill` calls {method} {path}", lambda: stage.called(method, path))  # noqa: B023 - at once
            killed.kill()
        stage.faults()
        killed = stage.start("killed", kill_words(stage))
        wait_until("`kill` clears the state", lambda: bool(stage.locks()))
        killed.kill()
        return cut()

    try:
        yield again_and_again
    finally:
        stage.faults()


@contextmanager
def two_kills(_stage: Stage, _documented: Documented) -> Iterator[Callable[[Cut], Ended]]:
    """Two people at the same moment."""

    def both(cut: Cut) -> Ended:
        with ThreadPoolExecutor(2) as pool:
            first, second = (future.result() for future in [pool.submit(cut), pool.submit(cut)])
        return max(first, second, key=lambda ended: (ended.code is None, ended.code or 0))

    yield both
