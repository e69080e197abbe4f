"""`kubernetes:helm.sh/v3:Release` as a Pulumi resource, carried out by the real Helm.

Owns check, diff, create, read, update and delete of a release, with the real plugin's rules and words
(pulumi-kubernetes provider/pkg/provider/helm_release.go): a preview finds the chart but renders nothing; a release
that Helm recorded but could not finish is kept in the state with an initialization error, so that the next update is
an upgrade. Not supported, and refused: `lint`, and passwords for repositories.
"""

from __future__ import annotations

import json
from pathlib import Path

import yaml
from pulumi.provider.experimental import provider as rpc

from sandbox.plugins.kubernetes import diff as diffs
from sandbox.plugins.kubernetes.checkpoint import autoname, parse_identity, qualified
from sandbox.plugins.kubernetes.connection import Connection
from sandbox.plugins.kubernetes.errors import InitializationError, OperationError
from sandbox.plugins.kubernetes.helm import DEFAULT_SECONDS, Helm, HelmError
from sandbox.plugins.kubernetes.manifest import definitions
from sandbox.plugins.kubernetes.release_state import checkpoint, decode, recorded_inputs, visible, without_inputs
from sandbox.plugins.kubernetes.scopes import Scopes
from sandbox.plugins.kubernetes.server import Log
from sandbox.plugins.kubernetes.values import Object, has_unknown, mark_secrets, plain_map, prop_map


class Releases:
    """The Helm releases of one provider instance."""

    def __init__(self, connection: Connection, scopes: Scopes, log: Log, helm: Helm) -> None:
        self._connection = connection
        self._scopes = scopes
        self._log = log
        self._helm = helm

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        given = dict(request.new_inputs)
        defaults = self._with_defaults(decode(given))
        if not defaults["name"]:
            old = request.old_inputs.get("name")
            defaults["name"] = old.value if old else autoname(request.name, request.random_seed)
        _refuse_unsupported(defaults)
        failures = []
        if not has_unknown(defaults):
            try:
                chart = yaml.safe_load(await self._helm.show_chart(defaults))
            except HelmError as error:
                failures.append(
                    rpc.CheckFailure("chart", f"{error}; check the chart name and repository configuration.")
                )
            else:
                defaults["version"] = str(chart["version"])  # a constraint becomes the version it stands for today
                self._scopes.declare_chart(lambda: self._definitions(defaults))
        inputs = mark_secrets(prop_map(defaults), given)
        return rpc.CheckResponse(inputs=inputs, failures=failures)

    def _with_defaults(self, release: Object) -> Object:
        result = {**release, "namespace": release["namespace"] or self._connection.namespace}
        if not release["skipAwait"] and not release["timeout"]:
            result["timeout"] = DEFAULT_SECONDS
        if release["verify"] and not release["keyring"]:
            result["keyring"] = str(Path("~/.gnupg/pubring.gpg").expanduser())
        return result

    async def _definitions(self, release: Object) -> list[Object]:
        """The definitions in the chart; a chart that does not render is reported when it is installed."""
        try:
            return definitions(await self._helm.template(release))
        except (HelmError, yaml.YAMLError):
            return []

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        old_inputs = plain_map(recorded_inputs(request.old_state))
        state = plain_map(request.old_state)
        new = plain_map(request.new_inputs)
        if "version" in request.ignore_changes and "version" in state:
            new["version"] = state["version"]
        for outdated in ("checksum", "resourceNames"):
            old_inputs.pop(outdated, None)
        changes = diffs.compare(visible(state, old_inputs, new), new, [".name", ".namespace"])
        return rpc.DiffResponse(
            changes=bool(changes), replaces=diffs.replaces(changes), diffs=list(changes), detailed_diff=changes
        )

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        release = decode(request.properties)
        if request.preview:
            return rpc.CreateResponse(properties=checkpoint(request.properties, release, None, preview=True))
        if self._connection.unreachable is not None:
            raise OperationError(f"can't create Helm Release with unreachable cluster: {self._connection.unreachable}")
        resource_id = qualified(release["namespace"], release["name"])
        try:
            await self._helm.install(release)
        except HelmError as error:
            made = None if _name_in_use(error) else await self._describe(release)
            if made is None:
                raise OperationError(str(error)) from error
            await self._log.warning(
                request.urn,
                f'Helm release "{release["name"]}" was created but has a failed status. Use the `helm` command to '
                f"investigate the error, correct it, then retry. Reason: {error}",
            )
            raise InitializationError(
                f'Helm release "{resource_id}" was created, but failed to initialize completely. Use Helm CLI to '
                f"investigate: {_failed(resource_id, error)}",
                resource_id=resource_id,
                properties=checkpoint(request.properties, release, made),
            ) from error
        made = await self._describe(release)
        return rpc.CreateResponse(resource_id=resource_id, properties=checkpoint(request.properties, release, made))

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        release = decode(request.news)
        if request.preview:
            return rpc.UpdateResponse(properties=checkpoint(request.news, release, None, preview=True))
        if self._connection.unreachable is not None:
            raise OperationError(f"can't update Helm Release with unreachable cluster: {self._connection.unreachable}")
        before = await self._describe(release)
        try:
            await self._helm.upgrade(release)
        except HelmError as error:
            made = await self._describe(release)
            if made is None or before is None or made["version"] == before["version"]:
                raise OperationError(str(error)) from error
            resource_id = qualified(release["namespace"], release["name"])
            raise InitializationError(
                f'Helm release "{resource_id}" failed to initialize completely. Use Helm CLI to investigate: '
                f"{_failed(resource_id, error)}",
                resource_id=resource_id,
                properties=checkpoint(request.news, release, made),
            ) from error
        made = await self._describe(release)
        return rpc.UpdateResponse(properties=checkpoint(request.news, release, made))

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """For a reachable cluster only; without one, objects and releases are read alike (Objects)."""
        release = decode(request.properties)
        if not release["name"]:
            release["namespace"], release["name"] = parse_identity(request.resource_id)
        live = await self._describe(release)
        if live is None:
            return rpc.ReadResponse()
        inputs = recorded_inputs(request.properties)
        if not inputs:  # an import: the release itself is all that is known of what was asked for
            known = {"chart": live["metadata"]["chart"], "version": live["metadata"]["version"]}
            inputs = prop_map(self._with_defaults({**release, **known, "values": live.get("config") or {}}))
        properties = checkpoint(inputs, decode({**inputs, **without_inputs(request.properties)}), live)
        return rpc.ReadResponse(request.resource_id, properties, inputs)

    async def delete(self, request: rpc.DeleteRequest) -> None:
        if self._connection.unreachable is not None:
            reason = json.dumps(self._connection.unreachable, ensure_ascii=False)
            raise OperationError(f"can't delete Helm Release with unreachable cluster. Reason: {reason}")
        try:
            said = await self._helm.uninstall(decode(request.properties))
        except HelmError as error:
            raise OperationError(str(error)) from error
        kept = said.partition("These resources were kept")
        if kept[1]:
            await self._log.warning(
                request.urn, f"Helm uninstall returned information: {json.dumps(kept[1] + kept[2])}"
            )

    async def _describe(self, release: Object) -> Object | None:
        try:
            return await self._helm.describe(release["name"], release["namespace"])
        except HelmError as error:
            raise OperationError(str(error)) from error


def _refuse_unsupported(release: Object) -> None:
    repository = release.get("repositoryOpts") or {}
    if release["lint"]:
        raise OperationError("`lint` is not supported by this stand-in for pulumi-kubernetes; run `helm lint` yourself")
    if isinstance(repository, dict) and (repository.get("username") or repository.get("password")):
        raise OperationError(
            "repositories with a password are not supported by this stand-in for pulumi-kubernetes, which would have "
            "to put it on a command line; use `helm repo add` or `helm registry login` and name the repository"
        )


def _name_in_use(error: HelmError) -> bool:
    return "cannot re-use a name that is still in use" in str(error)


def _failed(resource_id: str, error: HelmError) -> str:
    return f"failed to become available within allocated timeout. Error: Helm Release {resource_id}: {error}"
