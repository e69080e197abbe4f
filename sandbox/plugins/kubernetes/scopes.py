"""Whether objects of a kind live in namespaces, also for custom resources whose definition is yet to be installed.

Owns the definitions that this program is about to create: those it declares, and those in its charts, which are only
rendered when a kind cannot be placed otherwise. Dies with the plugin.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from sandbox.plugins.kubernetes.cluster import ApiError, Cluster
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.values import Object

Render = Callable[[], Awaitable[Iterable[Object]]]


class Scopes:
    """Answers for one provider."""

    def __init__(self, cluster: Cluster | None) -> None:
        """`cluster` is None where none can be reached: then only what is known without one counts."""
        self._cluster = cluster
        self._declared: dict[tuple[str, str], bool] = {}
        self._charts: list[Render] = []
        self._rendering = asyncio.Lock()

    def declare(self, definition: Object) -> None:
        """Note a CustomResourceDefinition of the program."""
        spec = definition.get("spec") or {}
        names = spec.get("names") or {}
        self._declared[str(spec.get("group")), str(names.get("kind"))] = spec.get("scope") == "Namespaced"

    def declare_chart(self, render: Render) -> None:
        """Note a chart; `render` gives the definitions in it and may be called once, later, or never."""
        self._charts.append(render)

    async def namespaced(self, kind: Kind) -> bool:
        """As the built-in table, a declared definition, the server or a chart say; else the usual case, True."""
        if kind.namespaced is not None:
            return kind.namespaced
        key = (kind.group, kind.kind)
        if key not in self._declared:
            served = await self._served(kind)
            if served is not None:
                return served
            await self._render()
        return self._declared.get(key, True)

    async def _served(self, kind: Kind) -> bool | None:
        if self._cluster is None:
            return None
        try:
            return await asyncio.to_thread(self._cluster.namespaced, kind)
        except ApiError:
            return None

    async def _render(self) -> None:
        async with self._rendering:
            while self._charts:
                for definition in await self._charts.pop()():
                    self.declare(definition)
