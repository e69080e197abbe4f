"""`pulumi up` and `pulumi destroy` killed with SIGKILL, engine, language host and plugins, between API calls.

What a person then does is the documented way and nothing else: `pulumi cancel` gives the stack free, the same command
again completes it. Tried are both boundaries of every call that changes something, and the first of the reads between
two of them: the others leave the tailnet and the engine's state alike. (Every single call of each resource is
interrupted in tests/providers/test_crash.py.)
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.slices import Slices, slices
from tests.providers.gate import When
from tests.providers.policies import ACME, grant, identity, value
from tests.providers.test_crash import DOCUMENT

pytestmark = pytest.mark.engine

UP = ("up", "--yes", "--skip-preview")
DESTROY = ("destroy", "--yes", "--skip-preview")
REFRESH = ("refresh", "--yes", "--skip-preview", "--clear-pending-creates")
PENDING = "1 pending operations"
SECTIONS = identity(ACME).sections


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slices]:
    with slices(tmp_path_factory.mktemp("slices"), DOCUMENT) as stack:
        stack.declare(SECTIONS, [grant(ACME)], ACME.kube_tag)
        yield stack


def boundaries(calls: list[str]) -> list[tuple[int, When]]:
    changes = [call == "POST /tailnet/-/acl" or call.startswith("DELETE") for call in calls]
    found: list[tuple[int, When]] = []
    for number, change in enumerate(changes):
        if change:
            found.append((number, "before"))
            found.append((number, "after"))
        elif number == 0 or changes[number - 1]:
            found.append((number, "before"))
    return found


def test_an_up_killed_at_any_call_is_completed_by_the_next(stack: Slices, tmp_path: Path) -> None:
    stack.declare(SECTIONS, [grant(ACME)], ACME.kube_tag, wait=False)
    empty = stack.save(tmp_path / "empty")
    with stack.gate.counted() as calls:
        stack.project.up()
    done, resources = stack.api.text, _resources(stack)
    assert value(done)["grants"][-1] == grant(ACME)
    assert len(calls) == 8, calls  # token; GET, validate, POST; devices; GET, validate, POST

    for call, when in boundaries(calls):
        where = f"killed {when} {calls[call]} ({call})"
        stack.restore(tmp_path / "empty", empty)
        stack.killed(*UP, call=call, when=when)
        assert _grows(DOCUMENT, stack.api.text, done), where
        stack.project.run("cancel", "--yes")
        killed = stack.save(tmp_path / f"killed-{call}-{when}")

        stack.project.up()
        assert stack.api.text == done, where
        assert _resources(stack) == resources, where

        # Whoever gives up instead: nobody is let in, and all goes that the engine came to know of.
        stack.restore(tmp_path / f"killed-{call}-{when}", killed)
        stack.project.run(*DESTROY)
        assert value(stack.api.text)["grants"] == value(DOCUMENT)["grants"], where
        # An identity whose creation was interrupted after it was saved is in nobody's state: `up`, then `destroy`.
        if (call, when) != (3, "after"):
            assert stack.api.text == DOCUMENT, where

    stack.project.up()
    stack.project.run(*DESTROY)
    assert stack.api.text == DOCUMENT


def test_a_destroy_killed_at_any_call_is_completed_by_the_next(stack: Slices, tmp_path: Path) -> None:
    stack.declare(SECTIONS, [grant(ACME)], ACME.kube_tag, wait=False)
    stack.project.up()
    stack.api.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
    stack.api.serve("svc:acme-prod", ACME.kube_tag)
    stack.api.register("internal", ["tag:internal"])
    standing = stack.save(tmp_path / "standing")
    with stack.gate.counted() as calls:
        stack.project.run(*DESTROY)
    assert stack.api.text == DOCUMENT
    assert stack.hostnames() == ["internal"]
    assert sum(call.startswith("DELETE") for call in calls) == 2, calls

    for call, when in boundaries(calls):
        where = f"killed {when} {calls[call]} ({call})"
        stack.restore(tmp_path / "standing", standing)
        stack.killed(*DESTROY, call=call, when=when)
        value(stack.api.text)
        stack.project.run("cancel", "--yes")
        stack.project.run(*DESTROY)
        assert stack.api.text == DOCUMENT, where
        assert stack.hostnames() == ["internal"], where
        assert stack.api.state.data["services"] == {}, where
        assert _resources(stack) == [], where
    stack.restore(tmp_path / "standing", standing)
    stack.project.run(*DESTROY)


def test_what_the_engine_says_of_a_killed_run_is_what_the_manual_says(stack: Slices) -> None:
    """A stack that is locked, then a warning that stays until a refresh is told to clear it."""
    stack.declare(SECTIONS, [grant(ACME)], ACME.kube_tag, wait=False)
    stack.project.run(*REFRESH)
    stack.killed(*UP, call=3, when="after")
    assert "pulumi cancel" in stack.project.run(*UP, fails=True)
    stack.project.run("cancel", "--yes")
    assert PENDING in stack.project.up()
    assert PENDING in stack.project.up()
    stack.project.run(*REFRESH)
    assert PENDING not in stack.project.up()
    stack.project.run(*DESTROY)
    assert stack.api.text == DOCUMENT


def _resources(stack: Slices) -> list[str]:
    return sorted(row["urn"] for row in stack.project.state() if row.get("custom"))


def _grows(first: str, text: str, last: str) -> bool:
    """Whether `text` has every line of the first document and none that is not in the last, in order."""
    between, end = iter(text.splitlines(keepends=True)), iter(last.splitlines(keepends=True))
    return all(line in between for line in first.splitlines(keepends=True)) and all(
        line in end for line in text.splitlines(keepends=True)
    )
