"""Clearing the state, against an engine that is a script: flags, stack file, locks, an end in time, what is named."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest

from components.documents import read_yaml
from supportctl.kill.engine import Engine as Engine_
from supportctl.kill.in_cluster import finishing, in_cluster
from supportctl.kill.state import Stack, stack_file
from supportctl.kill.turn import turn

PASSPHRASE = {"type": "passphrase", "state": {"salt": "v1:abc=:v1:def=="}}
URN = "urn:pulumi:acme-prod::support-access::{type}::{name}"
RBAC = "kubernetes:rbac.authorization.k8s.io/v1"

# Answers `stack export` from export.json, and each `destroy` from the next line of script.json.
ENGINE = """#!{python}
import json, os, sys, time
here = {folder!r}
words = sys.argv[1:]
config = words[words.index("--config-file") + 1] if "--config-file" in words else None
call = {{"words": words, "config": open(config).read() if config else None, "environ": dict(os.environ)}}
project = open("Pulumi.yaml").read() if os.path.exists("Pulumi.yaml") else ""
if "name" not in project:
    sys.exit(f"error: could not validate '{{os.getcwd()}}/Pulumi.yaml': project is missing a 'name' attribute")
call["project"] = project
open(here + "/calls", "a").write(json.dumps(call) + "\\n")
if words[:2] == ["stack", "export"]:
    print(open(here + "/export.json").read())
elif words[0] == "destroy":
    script = json.load(open(here + "/script.json"))
    answer = script.pop(0)
    json.dump(script, open(here + "/script.json", "w"))
    time.sleep(answer.get("seconds", 0))
    if answer["empties"]:
        deployment = json.load(open(here + "/export.json"))["deployment"]
        json.dump({{"deployment": {{**deployment, "resources": []}}}}, open(here + "/export.json", "w"))
    if answer["hides"]:
        os.remove(here + "/export.json")
    print(answer["output"])
    sys.exit(answer["code"])
"""


def row(kind: str, name: str, object_id: str = "") -> dict[str, Any]:
    return {"urn": URN.format(type=kind, name=name), "type": kind, "id": object_id}


ROWS = [
    row("pulumi:pulumi:Stack", "support-access-acme-prod"),
    row(f"{RBAC}:ClusterRole", "acme-prod-roles-read-only", "highflame-sre"),
    row(f"{RBAC}:ClusterRoleBinding", "acme-prod-roles-a", "support-access:highflame-sre:user:a b@example.com"),
    row("kubernetes:core/v1:Secret", "acme-prod-credential-1", "tailscale/operator-oauth-1"),
    row("kubernetes:helm.sh/v3:Release", "acme-prod-operator-release", "tailscale/tailscale-operator"),
]


class Engine:
    """A `pulumi` on a PATH of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        (self.project / "Pulumi.yaml").write_text("name: support-access\n")
        binary = folder / "bin" / "pulumi"
        binary.parent.mkdir()
        binary.write_text(ENGINE.format(python=sys.executable, folder=str(folder)))
        binary.chmod(0o755)
        self.holds(ROWS)

    def holds(self, rows: list[dict[str, Any]], secrets: dict[str, Any] = PASSPHRASE) -> None:
        deployment = {"resources": rows, "secrets_providers": secrets}
        (self.folder / "export.json").write_text(json.dumps({"deployment": deployment}))

    def was_making(self, *rows: dict[str, Any]) -> None:
        operations = [{"resource": made, "type": "creating"} for made in rows]
        going = [{"resource": ROWS[1], "type": "deleting"}]
        (self.folder / "export.json").write_text(json.dumps({"deployment": {"pending_operations": operations + going}}))

    def fails_to_export(self) -> None:
        (self.folder / "export.json").unlink()

    def answers(
        self, *answers: tuple[int, str], seconds: float = 0, empties: bool | None = None, hides: bool = False
    ) -> None:
        """empties: whether the state is empty afterwards, as after every success; hides: or can be read no more."""
        script = [
            {
                "code": code,
                "output": output,
                "seconds": seconds,
                "empties": code == 0 if empties is None else empties,
                "hides": hides,
            }
            for code, output in answers
        ]
        (self.folder / "script.json").write_text(json.dumps(script))

    def calls(self, first: str) -> list[dict[str, Any]]:
        made = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        return [call for call in made if call["words"][0] == first]

    def stack(self, **more: Any) -> Stack:
        environ = {**os.environ, "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        return Stack("acme-prod", self.project, environ, **more)


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    monkeypatch.setattr("supportctl.kill.state.LOCK_LOOK", 0.01)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # turns of this test's own
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return Engine(tmp_path)


def lock(pid: int, host: str | None = None) -> str:
    by = f"ada@{host or socket.gethostname()} (pid {pid})"
    return f"error: the stack is currently locked by 1 lock(s)\n  /l.json: created by {by} at noon"


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_the_stacks_own_file_is_never_read(engine: Engine) -> None:
    """It may be no YAML, and then the engine would refuse to start: what it needs comes from the state."""
    engine.answers((0, "done"))
    assert engine.stack().clear().clear
    [destroy] = engine.calls("destroy")
    assert json.loads(destroy["config"]) == {"encryptionsalt": PASSPHRASE["state"]["salt"]}
    assert {"--refresh", "--continue-on-error", "--yes", "--run-program=false"} <= set(destroy["words"])
    assert destroy["environ"]["PULUMI_K8S_DELETE_UNREACHABLE"] == "true"


@pytest.mark.parametrize(
    ("secrets", "file"),
    [
        (
            {"type": "cloud", "state": {"url": "awskms://alias/x", "encryptedkey": "AQ=="}},
            {"secretsprovider": "awskms://alias/x", "encryptedkey": "AQ=="},
        ),
        ({"type": "service", "state": {"url": "https://api.example.com", "owner": "o"}}, {}),
        ({}, {}),
    ],
)
def test_a_stack_file_names_the_key_that_the_states_secrets_have(secrets: dict[str, Any], file: Any) -> None:
    assert json.loads(stack_file(secrets)) == file


def test_a_lock_of_a_dead_run_is_lifted(engine: Engine) -> None:
    engine.answers((255, lock(dead_pid())), (0, "done"))
    assert engine.stack().clear().clear
    assert len(engine.calls("cancel")) == 1
    with turn("acme-prod") as another:
        assert another(), "its turn ends with its destroy"


@pytest.mark.parametrize("host", [None, "elsewhere"])
def test_a_run_that_may_live_is_waited_for_and_never_robbed_of_its_lock(engine: Engine, host: str | None) -> None:
    engine.answers((255, lock(os.getpid(), host)), (0, "done"))
    assert engine.stack().clear().clear
    assert engine.calls("cancel") == []


def test_a_run_that_does_not_end_is_named_with_the_way_on(engine: Engine) -> None:
    engine.answers((255, lock(os.getpid())))
    cleared = engine.stack(lock_patience=0).clear()
    assert not cleared.clear
    assert f"process {os.getpid()}" in str(cleared.error)
    assert "supportctl kill acme-prod" in str(cleared.error)
    assert "acme-prod-operator-release" in cleared.left
    assert engine.calls("cancel") == []


def test_of_two_kills_at_once_the_second_never_takes_the_fresh_lock_of_the_first(engine: Engine) -> None:
    """Both have seen the lock of a dead run, and `pulumi cancel` takes whatever is there by then."""
    engine.answers((255, lock(dead_pid())), (255, lock(os.getpid())), (0, "done"))
    with turn("acme-prod") as first:
        assert first()
        assert engine.stack().clear().clear
    assert engine.calls("cancel") == []


def test_a_kill_that_died_leaves_its_turn_to_the_next(engine: Engine) -> None:
    code = "import os, signal; from supportctl.kill.turn import turn\nwith turn('acme-prod') as mine: assert mine(); "
    died = subprocess.run([sys.executable, "-c", code + "os.kill(os.getpid(), signal.SIGKILL)"], check=False)
    assert died.returncode == -signal.SIGKILL
    engine.answers((255, lock(dead_pid())), (0, "done"))
    assert engine.stack().clear().clear
    assert len(engine.calls("cancel")) == 1


def test_a_kill_of_another_stack_is_not_waited_for(engine: Engine) -> None:
    engine.answers((255, lock(dead_pid())), (0, "done"))
    with turn("acme-dev") as other:
        assert other()
        assert engine.stack().clear().clear
    assert len(engine.calls("cancel")) == 1


def test_where_there_is_no_place_for_the_turn_a_dead_lock_is_lifted_all_the_same(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = os.open

    def full(path: Any, *words: Any, **more: Any) -> int:
        if str(path).endswith("support-access-acme-prod.lock"):
            raise OSError(28, "No space left on device")
        return here(path, *words, **more)

    monkeypatch.setattr(os, "open", full)
    engine.answers((255, lock(dead_pid())), (0, "done"))
    assert engine.stack().clear().clear
    assert len(engine.calls("cancel")) == 1


def test_a_lock_that_cannot_be_lifted_ends_the_wait(engine: Engine) -> None:
    gone = dead_pid()
    engine.answers((255, lock(gone)), (255, lock(gone)))
    cleared = engine.stack(lock_patience=0).clear()
    assert not cleared.clear
    assert "pulumi cancel" in str(cleared.error)
    assert len(engine.calls("cancel")) == 1


def test_a_destroy_that_does_not_end_is_ended_and_said_so(engine: Engine) -> None:
    engine.answers((0, "done"), seconds=60)
    cleared = engine.stack().clear(0.5)
    assert not cleared.clear
    assert "did not end" in str(cleared.error)


@pytest.mark.parametrize(
    ("code", "more", "error"),
    [
        (0, {"empties": False}, "the state is not empty"),
        (1, {"empties": True}, "error: odd"),
        (0, {"hides": True}, "the state cannot be read"),
    ],
)
def test_a_state_is_clear_only_when_the_engine_says_so_and_it_is_seen_to_be_empty(
    engine: Engine, code: int, more: dict[str, bool], error: str
) -> None:
    engine.answers((code, "error: odd" if code else "done"), **more)
    cleared = engine.stack().clear()
    assert not cleared.clear
    assert error in str(cleared.error)
    assert "supportctl kill acme-prod" in str(cleared.error)


def test_what_an_unreachable_cluster_keeps_is_named_for_kubectl(engine: Engine) -> None:
    engine.answers((0, "warning: configured Kubernetes cluster is unreachable"))
    cleared = engine.stack().clear()
    assert cleared.clear
    assert cleared.in_cluster is not None
    line = finishing("acme-prod", cleared.in_cluster)
    binding = "'clusterrolebinding/support-access:highflame-sre:user:a b@example.com'"
    assert f"kubectl delete clusterrole/highflame-sre {binding}. " in line
    assert "helm uninstall tailscale-operator -n tailscale" in line
    assert "supportctl verify acme-prod --gone" in line, "finalizers that nobody takes off any more"


def test_what_lies_in_customers_namespaces_is_named_with_the_command_for_each(engine: Engine) -> None:
    """What is ours is deleted; a customer's own Service only loses the annotations that we gave it."""
    patch = row("kubernetes:core/v1:ServicePatch", "acme-prod-studio", "shop/studio")
    annotations = {"tailscale.com/expose": "true", "pulumi.com/skipAwait": "true"}
    patch["inputs"] = {"metadata": {"name": "studio", "namespace": "shop", "annotations": annotations}}
    rows = [
        *ROWS,
        row("kubernetes:core/v1:Namespace", "acme-prod-namespace", "tailscale"),
        row(f"{RBAC}:RoleBinding", "acme-prod-roles-b", "shop/support-access:view:sre"),
        row(f"{RBAC}:RoleBinding", "acme-prod-roles-c", "billing/support-access:view:sre"),
        row("kubernetes:tailscale.com/v1alpha1:Connector", "acme-prod-network", "support-access-network"),
        patch,
    ]
    engine.holds(rows)
    engine.answers((0, "warning: configured Kubernetes cluster is unreachable"))
    assert engine.stack().clear().in_cluster == (
        "kubectl delete clusterrole/highflame-sre "
        "'clusterrolebinding/support-access:highflame-sre:user:a b@example.com' connector/support-access-network",
        "kubectl delete -n shop rolebinding/support-access:view:sre",
        "kubectl delete -n billing rolebinding/support-access:view:sre",
        "kubectl annotate -n shop service/studio tailscale.com/expose- pulumi.com/skipAwait-",
    )
    assert not any("delete -n shop service" in command for command in in_cluster(rows) or ())


def test_what_an_earlier_destroy_dropped_is_found_by_its_label(engine: Engine) -> None:
    engine.holds([ROWS[0], ROWS[-1]])
    engine.answers((1, "error: can't delete Helm Release with unreachable cluster"))
    cleared = engine.stack().clear()
    assert cleared.in_cluster == ()
    line = finishing("acme-prod", ())
    assert "kubectl delete clusterroles,clusterrolebindings -l app.kubernetes.io/managed-by=support-access" in line
    assert "kubectl delete rolebindings --all-namespaces -l app.kubernetes.io/managed-by=support-access" in line


def test_what_an_engine_that_refuses_leaves_in_the_cluster_is_named_too(engine: Engine) -> None:
    """The operator goes on running there, and nobody would know."""
    engine.answers((1, "error: could not load provider"))
    assert engine.stack().clear().in_cluster == in_cluster(ROWS)
    engine.fails_to_export()
    cleared = engine.stack().clear()
    assert (cleared.clear, cleared.in_cluster) == (False, ())
    assert "supportctl kill acme-prod" in str(cleared.error)


@pytest.mark.parametrize("rows", [ROWS, [ROWS[0], row("tailnet:index:PolicySlice", "acme-prod-access")], []])
def test_a_cluster_that_was_cleaned_or_never_ours_keeps_nothing(engine: Engine, rows: list[dict[str, Any]]) -> None:
    engine.holds(rows)
    engine.answers((0, "done"))
    cleared = engine.stack().clear()
    assert (cleared.clear, cleared.in_cluster, cleared.empty) == (True, None, not rows)


def test_what_a_run_was_making_when_it_was_cut_short_is_not_called_clear(engine: Engine) -> None:
    engine.was_making(row("aws:ec2/rule:Rule", "acme-prod-egress-0"))
    engine.answers((0, "done"))
    cleared = engine.stack().clear()
    assert (cleared.clear, cleared.left) == (False, ("acme-prod-egress-0",))
    assert "--clear-pending-creates" in str(cleared.error)
    engine.was_making()
    engine.answers((0, "done"))
    assert engine.stack().clear().clear, "what was going is looked for by its tags and labels"


def test_the_file_for_the_engine_is_gone_afterwards(engine: Engine) -> None:
    engine.answers((0, "done"))
    engine.stack().clear()
    [destroy] = engine.calls("destroy")
    config = Path(destroy["words"][destroy["words"].index("--config-file") + 1])
    assert not config.parent.exists()


def test_a_project_that_does_not_load_is_stood_in_for_and_that_is_told(engine: Engine) -> None:
    (engine.project / "Pulumi.yaml").write_text("broken: [\n")
    engine.answers((0, "done"))
    cleared = engine.stack().clear()
    assert cleared.clear
    assert "project is missing a 'name' attribute" in str(cleared.told)
    [destroy] = engine.calls("destroy")
    project = json.loads(destroy["project"])
    assert project["name"] == read_yaml(Path(__file__).parents[2] / "Pulumi.yaml")["name"]
    [plugin] = project["plugins"]["providers"]
    assert (plugin["name"], (Path(plugin["path"]) / "pulumi-resource-tailnet").is_file()) == ("tailnet", True)
    assert (engine.project / "Pulumi.yaml").read_text() == "broken: [\n"


def test_a_state_that_the_stand_in_does_not_find_is_not_called_empty(engine: Engine) -> None:
    """The project's own file may name another backend."""
    (engine.project / "Pulumi.yaml").write_text("broken: [\n")
    engine.holds([])
    cleared = engine.stack().clear()
    assert not cleared.clear
    assert "Pulumi.yaml" in str(cleared.error)


def test_a_backend_that_does_not_answer_is_said_so_and_ends(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("supportctl.kill.state.READ", 0.3)
    (engine.folder / "bin" / "pulumi").write_text("#!/bin/sh\nexec sleep 60\n")
    cleared = engine.stack().clear()
    assert (cleared.clear, cleared.in_cluster) == (False, ())
    assert "the backend did not answer" in str(cleared.error)


def test_a_state_says_nothing_of_access(engine: Engine) -> None:
    """Whether that is cut is not known here: the policy may have been refused."""
    engine.answers((1, "error: odd"))
    assert "cut" not in str(engine.stack().clear().error)
    engine.answers((255, lock(os.getpid())))
    assert "Where the killed-group was written" in str(engine.stack(lock_patience=0).clear().error)


def test_output_that_is_no_text_is_read_all_the_same(engine: Engine) -> None:
    (engine.folder / "bin" / "pulumi").write_text("#!/bin/sh\nprintf 'error: \\377\\n' >&2\nexit 1\n")
    assert "error: \N{REPLACEMENT CHARACTER}" in str(engine.stack().clear().error)


def test_whoever_interrupts_the_wait_leaves_no_engine_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It would go on alone and hold the stack's lock."""
    binary = tmp_path / "pulumi"
    binary.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    binary.chmod(0o755)

    def interrupted(process: subprocess.Popen[str], timeout: float | None = None) -> tuple[str, str]:
        if timeout == 30:
            while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
                assert process.poll() is None
            raise KeyboardInterrupt
        return wait(process, timeout=timeout)

    wait = subprocess.Popen.communicate
    monkeypatch.setattr(subprocess.Popen, "communicate", interrupted)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(KeyboardInterrupt):
        Engine_(tmp_path, dict(os.environ)).run("destroy", limit=30)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_what_outlives_the_engine_and_keeps_its_pipe_open_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kill that hangs in its report never looks a last time."""
    binary = tmp_path / "pulumi"
    binary.write_text(f"#!/bin/sh\nsetsid sh -c 'echo $$ > {tmp_path}/pid; exec sleep 60' &\nwait\n")
    binary.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr("supportctl.kill.engine.GRACE", 0.3)
    assert Engine_(tmp_path, dict(os.environ)).run("destroy", limit=1) == (None, "")
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)  # raises unless it lives
