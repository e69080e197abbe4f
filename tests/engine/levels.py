"""In which order the engine would delete what a state holds.

Follows the engine's own rule (deploy.ScheduleDeletes and graph.DependenciesOf, read at v3.250.0): a resource goes one
level before everything that it depends on. Dependencies are the declared ones, those of properties, the provider and
the parent; a dependency on a component means all its descendants that were registered before. Deletion starts at the
deepest level, and a level must be done before the next one begins.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def deletion_levels(state: Row) -> list[list[str]]:
    """Resource names by level, first deleted first, components and the stack itself left out.

    state: what `pulumi stack export` prints; its resources stand in the order in which they were registered.
    """
    depth: dict[str, int] = {}
    rows: dict[str, Row] = {}
    for row in state["deployment"]["resources"]:
        depth[row["urn"]] = 1 + max((depth[urn] for urn in dependencies(row, rows)), default=0)
        rows[row["urn"]] = row
    deepest = max(depth.values())
    levels = [
        sorted(urn.rpartition("::")[2] for urn, level in depth.items() if level == wanted and rows[urn].get("custom"))
        for wanted in range(deepest, 0, -1)
    ]
    return [level for level in levels if level]


def dependencies(row: Row, before: dict[str, Row]) -> set[str]:
    """URNs that a resource depends on, among those registered before it."""
    named = set(row.get("dependencies") or [])
    for urns in (row.get("propertyDependencies") or {}).values():
        named |= set(urns or [])
    if row.get("deletedWith"):
        named.add(row["deletedWith"])
    if row.get("provider"):
        named.add(row["provider"].rpartition("::")[0])
    components = {urn for urn in named if urn in before and not before[urn].get("custom")}
    inside = {urn for urn in before if components & set(ancestors(urn, before))}
    parent = {row["parent"]} if row.get("parent") else set()
    return (named | inside | parent) & before.keys()


def ancestors(urn: str, rows: dict[str, Row]) -> list[str]:
    """Parents of a resource, nearest first."""
    found = []
    while parent := rows[urn].get("parent"):
        found.append(parent)
        urn = parent
    return found
