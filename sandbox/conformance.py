"""Replay recorded answers of the real policy API: `python -m sandbox.conformance FILE`.

Owns the comparison. Each line of FILE (.jsonl or .jsonl.gz) holds a policy that was once posted, the tailnet that
it was posted to and the answer. Every one is posted to the application itself, in memory, by an owner's API key;
compared are the status, the body's message, and its data where the record has any. Where an accepted record has the
packet filters that the service compiled, who reaches whom is compared too. Prints `N of M answered alike`, how many
connections were compared, and the ids that differ, with both answers; ends with 1 when any differ, 2 when FILE is
not of the format.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from sandbox import packet_filter
from sandbox.tailscale import console
from sandbox.tailscale.app import create_app
from sandbox.tailscale.policy import document as documents
from sandbox.tailscale.policy import judge
from sandbox.tailscale.policy.reach import party_of
from sandbox.tailscale.state import DEFAULT_USERS, State


@dataclass(frozen=True)
class Answer:
    """An HTTP status and what the error body says; nothing for a success."""

    status: int
    message: str | None = None
    data: Any = None


@dataclass(frozen=True)
class Replay:
    """One record: what the real API answered and what the stand-in does. connections: how many were compared with a
    recorded packet filter; unlike: those of them that the stand-in evaluates otherwise."""

    id: str
    recorded: Answer
    given: Answer
    connections: int = 0
    unlike: tuple[str, ...] = ()

    @property
    def alike(self) -> bool:
        recorded, given = self.recorded, self.given
        return (
            (recorded.status, recorded.message) == (given.status, given.message)
            and (recorded.data is None or recorded.data == given.data)
            and not self.unlike
        )


def replay_file(path: Path) -> list[Replay]:
    """Replay every record of `path`. Raises ValueError for a line that is not a record."""
    return asyncio.run(_replay_all(list(_records(path))))


async def _replay_all(records: list[dict[str, Any]]) -> list[Replay]:
    return [
        Replay(record["id"], _answer(record["code"], record.get("body")), await _post(record), *_connections(record))
        for record in records
    ]


def _connections(record: dict[str, Any]) -> tuple[int, tuple[str, ...]]:
    """How many connections the recorded packet filters say something of, and those that the stand-in sees otherwise."""
    filters = record.get("filters")
    if record["code"] != 200 or not filters:
        return 0, ()
    tailnet = _state(record).tailnet()
    reach = judge.reach(documents.from_value(record["policy"]), tailnet)
    nodes = {node.name: node for node in tailnet.nodes}
    compared, unlike = 0, []
    for source in nodes.values():
        for destination in (nodes[name] for name in filters if name != source.name):
            for port, protocol in packet_filter.PORTS:
                compared += 1
                at, to = str(source.addresses[0]), str(destination.addresses[0])
                recorded = packet_filter.admits(filters[destination.name], at, to, port, protocol)
                if reach.allows(party_of(source), party_of(destination), protocol, port, {}) != recorded:
                    unlike.append(
                        f"{source.name} to {destination.name} at port {port}, protocol {protocol}: "
                        f"recorded {'Accept' if recorded else 'Drop'}"
                    )
    return compared, tuple(unlike)


async def _post(record: dict[str, Any]) -> Answer:
    state = _state(record)
    policy = record["policy"]
    content = policy if isinstance(policy, str) else json.dumps(policy, ensure_ascii=False)
    transport = httpx.ASGITransport(app=create_app(state))
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        response = await client.post(
            "/api/v2/tailnet/-/acl",
            content=content.encode(),
            headers={"Content-Type": "application/hujson", "Accept": "application/json"},
            auth=(console.new_admin_key(state), ""),
        )
    return _answer(response.status_code, response.json() if response.is_error else None)


def _state(record: dict[str, Any]) -> State:
    """The tailnet of a record: the first user is its owner; nodes name their user by the local part."""
    state = State(clock=lambda: 0.0)
    users = record.get("users") or list(DEFAULT_USERS)
    state.data["users"] = {user: "member" if number else "owner" for number, user in enumerate(users)}
    logins = {user.partition("@")[0]: user for user in users}
    for name, node in (record.get("nodes") or {}).items():
        state.data["devices"][name] = {
            "name": name,
            "user": logins.get(node.get("user", ""), ""),
            "tags": node.get("tags") or [],
            "addresses": [node["ipv4"]] + ([node["ipv6"]] if node.get("ipv6") else []),
            "enabledRoutes": node.get("routable_ips") or [],
        }
    return state


def _answer(status: int, body: Any) -> Answer:
    if not isinstance(body, dict):
        return Answer(status)
    return Answer(status, body.get("message"), body.get("data"))


def _records(path: Path) -> Iterator[dict[str, Any]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = json.loads(line)
                missing = {"id", "policy", "code"} - record.keys()
            except (ValueError, AttributeError) as error:
                raise ValueError(f"{path}:{number}: not a JSON object: {error}") from error
            if missing:
                raise ValueError(f"{path}:{number}: without {', '.join(sorted(missing))}")
            yield record


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m sandbox.conformance FILE", file=sys.stderr)
        return 2
    try:
        replays = replay_file(Path(arguments[0]))
    except (OSError, ValueError) as error:
        print(f"cannot replay: {error}", file=sys.stderr)
        return 2
    differing = [replay for replay in replays if not replay.alike]
    print(f"{len(replays) - len(differing)} of {len(replays)} answered alike")
    print(f"{sum(replay.connections for replay in replays)} connections compared with recorded packet filters")
    for replay in differing:
        print(f"{replay.id}: recorded {_text(replay.recorded)}, given {_text(replay.given)}")
        for line in replay.unlike:
            print(f"  {line}, evaluated otherwise")
    return 1 if differing else 0


def _text(answer: Answer) -> str:
    return f"{answer.status} {answer.message!r}" if answer.message else str(answer.status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
