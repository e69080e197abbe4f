"""What each cloud refuses: which objects may stand side by side, and in which words the cloud says no.

An object's id is its path at the cloud; its parent is the path without the last two parts (a collection and a
name). The words are those of public reports of the real services; where none was found the refusal says
`unverified`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.cloud import aws, azure, gcp
from sandbox.cloud.refusals import Rules

RULES: Mapping[str, Rules] = {
    **aws.RULES,
    **azure.RULES,
    **gcp.RULES,
}
