"""From values to text: what is written says exactly what was worked out, or nothing is written."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet import slice as slices
from providers.tailnet.hujson import Parsed
from providers.tailnet.problems import TailnetError
from providers.tailnet.slice import applied, brought
from tests.providers.policies import ACME, FOREIGN, identity


@pytest.mark.parametrize("written", ['{"a": true, "b": [1, 1.0]}', '{"a": 1, "b": [true, 1]}', '{"a": 1, "b": [1]}'])
@pytest.mark.parametrize("wanted", [{"a": 1, "b": [1, 1]}, {"a": True, "b": [True]}, {"a": 0, "b": [False, 1]}])
def test_true_is_not_1(written: str, wanted: dict[str, Any]) -> None:
    """They are equal to Python, and not to the server."""
    document = Parsed.of(written)
    found = brought(document, document.value, wanted).value
    assert repr(found).replace("1.0", "1") == repr(wanted)


def test_a_text_that_says_anything_else_than_the_values_is_never_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "_grow", lambda editor, node, wanted: None)
    with pytest.raises(TailnetError, match="nothing was written"):
        applied(FOREIGN, identity(ACME))
