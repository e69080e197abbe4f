"""Clusters that cannot be reached: one verdict, and what each operation makes of it."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from sandbox.plugins.kubernetes.connection import Connection, Settings
from sandbox.plugins.kubernetes.errors import OperationError
from sandbox.plugins.kubernetes.values import prop, prop_map
from sandbox.world import World
from tests.sandbox.kubernetes.engine import Engine, Resource, Start

CONFIG_MAP = "kubernetes:core/v1:ConfigMap"
RELEASE = "kubernetes:helm.sh/v3:Release"
INPUTS = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "n"}, "data": {"a": "b"}}
RELEASE_INPUTS = {"name": "r", "namespace": "n", "chart": "c", "version": "1.0.0"}
DROP_HINT = 'PULUMI_K8S_DELETE_UNREACHABLE environment variable set to "true"'


def kubeconfig(server: str) -> str:
    return yaml.safe_dump(
        {
            "clusters": [{"name": "c", "cluster": {"server": server, "insecure-skip-tls-verify": True}}],
            "users": [{"name": "u", "user": {"token": "t"}}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
    )


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Takes connections and never says a word, as the kernel does for a process that is stopped."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def down(start: Start, closed_port: int) -> Engine:
    return start({"PATH": os.environ["PATH"]}, kubeconfig=kubeconfig(f"https://127.0.0.1:{closed_port}"))


def existing() -> Resource:
    live = {**INPUTS, "metadata": {**INPUTS["metadata"], "uid": "u"}}  # type: ignore[dict-item]
    state = {**prop_map(live), "__inputs": prop(INPUTS), "__fieldManager": prop("m"), "__initialApiVersion": prop("v1")}
    return Resource(CONFIG_MAP, "c", "n/c", state, prop_map(INPUTS))


def existing_release() -> Resource:
    inputs = prop_map(RELEASE_INPUTS)
    state = {**inputs, "__inputs": prop(RELEASE_INPUTS).with_secret(True)}
    return Resource(RELEASE, "r", "n/r", state, inputs)


@pytest.mark.parametrize(
    ("settings", "environment", "says"),
    [
        (
            Settings(kubeconfig="/no/such/file"),
            {},
            "failed to parse kubeconfig data in `kubernetes:config:kubeconfig`-",
        ),
        (Settings(kubeconfig=kubeconfig("https://x"), context="nope"), {}, 'context "nope" does not exist'),
        (Settings(context="nope"), {"HOME": "/nowhere"}, 'context "nope" does not exist'),
        (Settings(), {"KUBECONFIG": "/no/such/file"}, "unable to load schema information from the API server: "),
    ],
)
def test_a_configuration_that_leads_nowhere_is_an_unreachable_cluster(
    settings: Settings, environment: dict[str, str], says: str
) -> None:
    connection = Connection.open(settings, environment, 0.5)
    connection.close()
    assert connection.unreachable is not None
    assert says in connection.unreachable


def test_a_closed_port_is_refused_at_once(closed_port: int) -> None:
    connection = Connection.open(Settings(kubeconfig=kubeconfig(f"https://127.0.0.1:{closed_port}")), {})
    connection.close()
    assert connection.unreachable == (
        f'unable to load schema information from the API server: Get "https://127.0.0.1:{closed_port}/openapi/v2'
        f'?timeout=32s": dial tcp 127.0.0.1:{closed_port}: connect: connection refused'
    )


def test_a_silent_server_takes_two_handshakes(silent_port: int) -> None:
    began = time.monotonic()
    connection = Connection.open(Settings(kubeconfig=kubeconfig(f"https://127.0.0.1:{silent_port}")), {}, 0.5)
    connection.close()
    assert 1.0 <= time.monotonic() - began < 5.0
    assert str(connection.unreachable).endswith("net/http: TLS handshake timeout")


def test_a_wrong_credential_is_an_unreachable_cluster_too(world: World) -> None:
    server = world.facts["clusters"]["acme-prod"]["server"]
    connection = Connection.open(Settings(kubeconfig=kubeconfig(server)), {})
    connection.close()
    assert str(connection.unreachable).endswith("the server has asked for the client to provide credentials")


def test_a_certificate_of_an_unknown_authority_is_an_unreachable_cluster_too(world: World) -> None:
    server = world.facts["clusters"]["acme-prod"]["server"]
    config = kubeconfig(server).replace("insecure-skip-tls-verify: true", "insecure-skip-tls-verify: false")
    connection = Connection.open(Settings(kubeconfig=config), {})
    connection.close()
    assert "certificate verify failed" in str(connection.unreachable)


def test_configure_returns_before_the_verdict(start: Start, silent_port: int) -> None:
    began = time.monotonic()
    engine = start({}, 1.0, kubeconfig=kubeconfig(f"https://127.0.0.1:{silent_port}"))
    assert time.monotonic() - began < 1.0
    engine.check(CONFIG_MAP, "c", INPUTS)
    assert time.monotonic() - began >= 2.0


def test_a_frozen_api_server_is_seen_once_and_not_asked_again(
    world: World, environment: dict[str, str], start: Start
) -> None:
    pid = world.facts["processes"]["apiserver-globex-prod"]
    os.kill(pid, signal.SIGSTOP)
    try:
        engine = start(environment, 0.5, context="globex-prod", deleteUnreachable="true")
        engine.delete(existing())
        began = time.monotonic()
        engine.delete(existing())
        assert time.monotonic() - began < 0.2
    finally:
        os.kill(pid, signal.SIGCONT)
    engine.delete(existing())  # it answers again, but the verdict stands for the life of the plugin
    assert engine.messages.infos[-1].endswith("Deleting the unreachable resource from Pulumi state")
    assert start(environment, context="globex-prod").read(existing()) is None


def test_a_preview_goes_on_without_a_cluster(down: Engine) -> None:
    assert down.preview(CONFIG_MAP, "c", INPUTS) == INPUTS
    assert down.diff(existing(), {**INPUTS, "data": {"a": "c"}}).changes
    assert down.update(existing(), INPUTS, preview=True).outputs == INPUTS


def test_creating_and_updating_fail_with_the_reason(down: Engine) -> None:
    for operation in (lambda: down.create(CONFIG_MAP, "c", INPUTS), lambda: down.update(existing(), INPUTS)):
        with pytest.raises(OperationError, match="configured Kubernetes cluster is unreachable: unable to load schema"):
            operation()


def test_reading_and_deleting_fail_and_say_how_to_drop_the_resource(down: Engine) -> None:
    for operation in (
        lambda: down.read(existing()),
        lambda: down.delete(existing()),
        lambda: down.read(existing_release()),
    ):
        with pytest.raises(OperationError) as failure:
            operation()
        assert DROP_HINT in str(failure.value)
        assert "connection refused" in down.messages.warnings.pop()


@pytest.mark.parametrize("by_variable", [True, False])
def test_delete_unreachable_drops_objects_and_what_is_read(start: Start, closed_port: int, by_variable: bool) -> None:
    environment = {"PULUMI_K8S_DELETE_UNREACHABLE": "true"} if by_variable else {}
    variables: dict[str, Any] = {} if by_variable else {"deleteUnreachable": "true"}
    engine = start(environment, kubeconfig=kubeconfig(f"https://127.0.0.1:{closed_port}"), **variables)
    engine.delete(existing())
    assert engine.read(existing()) is None
    assert engine.read(existing_release()) is None
    assert len(engine.messages.warnings) == 3


def test_a_release_is_never_dropped_by_a_delete(start: Start, closed_port: int) -> None:
    config = kubeconfig(f"https://127.0.0.1:{closed_port}")
    for engine in (start({}, kubeconfig=config), start({}, kubeconfig=config, deleteUnreachable="true")):
        with pytest.raises(
            OperationError, match=r"^can't delete Helm Release with unreachable cluster. Reason: \"unable"
        ):
            engine.delete(existing_release())


def test_the_providers_argument_goes_over_the_environment() -> None:
    environment = {"PULUMI_K8S_DELETE_UNREACHABLE": "true", "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY": "false"}
    settings = Settings.read({"kubernetes:config:deleteUnreachable": "false"}, environment)
    assert (settings.delete_unreachable, settings.server_side_apply) == (False, False)
    assert Settings.read({}, {}).server_side_apply
