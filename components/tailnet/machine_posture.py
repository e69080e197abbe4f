"""The posture of grants whose sources are pods, where the policy document has a default one.

Owns which grants carry it. `defaultSrcPosture` falls on every rule without a posture of its own, and is written for
people's devices: a pod is no managed laptop, so the operator could not send to its recorder, and with enforceRecorder
every request would be refused. A rule's own posture replaces the default (documentation of device posture management);
an empty `srcPosture` does not, the policy API is reported to refuse it. Every pod of the operator runs on Linux, which
its client reports. Not verified against the real service.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.naming import Names
from components.settings.access import is_tag
from components.settings.environment import EnvironmentSettings
from components.settings.posture import own_name

CONDITIONS = ("node:os == 'linux'",)
"""What every pod meets."""


def with_machine_posture(names: Names, sections: dict[str, Any], default: tuple[str, ...]) -> dict[str, Any]:
    """sections: of the access slice. default: the document's `defaultSrcPosture`; without one nothing changes."""
    if not default or not any(_from_pods(names, grant) for grant in sections["grants"]):
        return sections
    posture = own_name(names, CONDITIONS)
    return {
        **sections,
        "grants": [
            {**grant, "srcPosture": [posture]} if _from_pods(names, grant) else grant for grant in sections["grants"]
        ],
        "postures": {**sections.get("postures", {}), posture: list(CONDITIONS)},
    }


def posture_notices(settings: EnvironmentSettings, sections: dict[str, Any], default: tuple[str, ...]) -> list[str]:
    """To which grants of `sections`, as they are written, the default applies, and which carry another one instead."""
    if not default:
        return []
    bare = [source for grant in sections["grants"] if "srcPosture" not in grant for source in grant["src"]]
    people = list(dict.fromkeys(source for source in bare if not is_tag(source)))
    machines = list(dict.fromkeys(source for source in bare if is_tag(source)))
    pods = list(dict.fromkeys(_pods(settings.names, sections)))
    head = f"The policy document's defaultSrcPosture ({', '.join(default)})"
    return [
        *(
            [f"{head} applies to the access of {', '.join(people)}: devices that do not meet it are shut out."]
            * bool(people)
        ),
        *(
            [
                f"{head} applies to the access of {', '.join(machines)}: a tagged machine that does not meet it is shut"
                " out. Fix: give the entry in support-access:access a posture that those machines meet, or change the"
                " default."
            ]
            * bool(machines)
        ),
        *([f"{head} is replaced by {CONDITIONS[0]} for {', '.join(pods)}: pods cannot meet it."] * bool(pods)),
    ]


def _pods(names: Names, sections: dict[str, Any]) -> Iterator[str]:
    posture = own_name(names, CONDITIONS)
    for grant in sections["grants"]:
        if grant.get("srcPosture") == [posture] and all(_is_pod(names, source) for source in grant["src"]):
            yield from grant["src"]


def _from_pods(names: Names, grant: dict[str, Any]) -> bool:
    return "srcPosture" not in grant and all(_is_pod(names, source) for source in grant["src"])


def _is_pod(names: Names, source: str) -> bool:
    """Whether a source is a tag that only the operators of this customer's clusters can give."""
    return source.startswith(tuple(f"tag:{kind}-{names.customer}-" for kind in ("kube", "api", "svc")))
