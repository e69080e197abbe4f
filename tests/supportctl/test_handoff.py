"""A handoff is refused whole or written whole: nothing is written before all of it can be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.settings.environment import EnvironmentSettings
from supportctl.handoff import command
from supportctl.handoff.command import NOT_WRITTEN, WRITTEN, HandoffOptions, run_handoff
from supportctl.stack import StackError
from tests.supportctl.handing_over import FEDERATED, MADE, contents, federated


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"age": ("age1notone",), "credential": Path("elsewhere.age")}, "'age1notone' is no age recipient"),
        ({"age": ("age1notone",)}, "--age and --credential belong together"),
        ({"credential": Path("elsewhere.age")}, "--age and --credential belong together"),
        ({"outputs": {}}, "run `pulumi up -s acme-prod` first"),
        ({"outputs": {"ceiling": {"users": []}}, "print_credential": True}, "holds no operator credential"),
        (
            {"bent": {"delivery": "managed", "cluster": {"context": "acme-prod"}}},
            "there is nothing to hand over",
        ),
        ({"bent": federated(), "print_credential": True}, "There is no credential to hand over"),
        ({"bent": federated(), "age": ("age1x",), "credential": Path("elsewhere.age")}, "There is no credential"),
        ({"bent": federated()}, "The identity is not made yet: run `pulumi up -s acme-prod` first"),
        ({"bent": federated(None), "outputs": FEDERATED}, f"credential.federation.clientId {MADE}"),
        (
            {"bent": federated("kOther1CNTRL"), "outputs": FEDERATED},
            f"is kOther1CNTRL, and this stack's identity is {MADE}",
        ),
    ],
)
def test_what_cannot_be_handed_over_is_told_and_nothing_is_written(
    handoff: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], words: dict[str, Any], said: str
) -> None:
    assert handoff(**words) == NOT_WRITTEN
    assert said in " ".join(capsys.readouterr().err.split())
    assert contents(tmp_path) == {}


def test_a_stack_that_pulumi_does_not_know_is_told_in_its_words(
    handoff: Callable[..., int], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def unknown(*_: object) -> EnvironmentSettings:
        raise StackError("no stack named 'acme-prod' found")

    assert handoff() == WRITTEN
    monkeypatch.setattr(command, "settings_of", unknown)
    options = HandoffOptions(
        stack="acme-prod", out=tmp_path / "out", age=(), credential=None, print_credential=False, project=tmp_path
    )
    assert run_handoff(options) == NOT_WRITTEN
    assert "no stack named 'acme-prod' found" in capsys.readouterr().err
