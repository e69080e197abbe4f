"""The rehearsal's report and its judgement: what counts as kept, and what the document is told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sandbox.rehearse import report
from sandbox.rehearse.cell import (
    ALLOWED,
    CANNOT,
    CLUSTER,
    ENDED_BY_HAND,
    FAULTS,
    HUNG,
    IN_PART,
    INTERRUPTED,
    MEANS,
    NO_MEANING,
    OUT_OF_REACH,
    READS,
    SHORT,
    STATE_CHANGES,
    STOPS,
    Cell,
    pairs,
)
from sandbox.rehearse.command import Ended
from sandbox.rehearse.faults import FAULTS as APPLIED
from sandbox.rehearse.means import CUTS
from sandbox.rehearse.others import policy_changes
from sandbox.rehearse.rehearsal import kept, misreported, prompt, unharmed
from sandbox.rehearse.standing import Environment, Standing
from sandbox.rehearse.watch import Watch

KEYS = ["fault", "means", "grant_gone_s", "credential_gone_s", "devices_gone_s", "state_clear_s", "left", "exit"]
DONE = Cell("none", "kill", 0.4, 0.5, 0.6, 11.0, [], 0, {"kubernetes": "stand-in", "tailnet": "own"}, ok=True)
GONE = Standing((), (), (), (), ())
ALL = Standing(("{}",), ("k1",), ("acme-prod-kube",), ("acme-prod-kube",), ())


def test_every_fault_and_every_means_of_the_matrix_can_be_run() -> None:
    assert list(APPLIED) == list(FAULTS)
    assert list(CUTS) == list(MEANS)
    known = {(fault, means) for fault in FAULTS for means in MEANS}
    assert {*NO_MEANING, *CANNOT, *IN_PART} <= known
    assert not NO_MEANING.keys() & {*CANNOT, *IN_PART, *SHORT}
    assert STOPS.keys() <= IN_PART.keys()
    assert {*CLUSTER, *OUT_OF_REACH} <= FAULTS.keys()
    assert STATE_CHANGES.keys() <= {*pairs()}
    assert not READS.keys() & MEANS.keys()
    assert len(pairs()) == len(known) - len(NO_MEANING) + len(OUT_OF_REACH) * len(READS)


def test_the_kill_is_promised_whatever_is_wrong() -> None:
    assert not [pair for pair in (*CANNOT, *IN_PART, *INTERRUPTED) if pair[1] == "kill"]
    assert not [pair for pair in NO_MEANING if pair[1] == "kill"]


def test_a_report_grows_by_pieces_and_has_the_form_that_others_read(tmp_path: Path) -> None:
    file = tmp_path / "build" / "rehearse.json"
    assert report.load(file) == {}
    second = replace(DONE, fault="up-running", exit=HUNG, ok=False)
    report.save(file, [second, DONE])
    content = json.loads(file.read_text())
    assert list(content) == ["cells"]
    assert [list(row) for row in content["cells"]] == [[*KEYS, "plugins", "ok"]] * 2
    assert [row["fault"] for row in content["cells"]] == ["none", "up-running"]

    cells = report.load(file)
    cells["none", "kill"] = replace(DONE, exit=1)
    report.save(file, cells.values())
    assert [row["exit"] for row in json.loads(file.read_text())["cells"]] == [1, HUNG]


def test_the_table_stands_between_the_markers_and_nothing_else_changes(tmp_path: Path) -> None:
    document = tmp_path / "page.md"
    document.write_text(f"# Page\n{report.BEGIN}\nold\n{report.END}\nthe rest\n")
    for _ in range(2):
        report.write_into(document, report.table([DONE]))
    text = document.read_text()
    assert text.startswith(f"# Page\n{report.BEGIN}\n| fault")
    assert text.endswith(f"\n{report.END}\nthe rest\n")
    assert "old" not in text
    document.write_text("# Page without markers\n")
    with pytest.raises(ValueError, match="rehearsal: begin"):
        report.write_into(document, "x")


def test_the_table_hides_no_failure_and_says_what_ran_on_stand_ins() -> None:
    hung = replace(DONE, fault="server-frozen", exit=HUNG, ok=False, grant_gone_s=None, left=["grant {}", "CHANGED: x"])
    text = report.table([DONE, hung])
    line = next(line for line in text.splitlines() if line.startswith(f"| {FAULTS['server-frozen']}"))
    assert [cell.strip() for cell in line.split("|")[3:]] == [
        *["—", "0.5 s", "0.6 s", "11.0 s", HUNG, "grant; CHANGED: x", "**no**", ""]
    ]
    assert "1 in which the promise was not kept, 1 hung" in text
    assert "kubernetes: stand-in, tailnet: own" in text
    for (fault, means), why in NO_MEANING.items():
        told = [line for line in text.splitlines() if line.startswith(f"- {MEANS[means]} with ")]
        assert any(FAULTS[fault] in line and line.endswith(f": {why}.") for line in told)


@pytest.mark.parametrize("part", ["grants", "credentials", "devices", "services"])
def test_a_cut_that_leaves_anything_at_tailscale_is_not_kept(part: str) -> None:
    assert kept("none", "kill", 0, GONE, [])
    standing = Standing(**{name: ("x",) if name == part else () for name in Standing.__slots__})
    for means in ("destroy", "destroy-flags", "kill"):
        assert not kept("none", means, 0, standing, [])


def test_a_refusal_has_to_refuse_and_to_leave_all_as_it_was() -> None:
    pair = ("backend-gone", "destroy")
    assert kept(*pair, 255, ALL, [])
    assert not kept(*pair, 0, ALL, [])
    for half in (replace(ALL, grants=()), replace(ALL, credentials=()), GONE):
        assert not kept(*pair, 255, half, [])


def test_the_customers_own_switch_has_to_take_the_operator_off_the_tailnet() -> None:
    assert not kept("none", "uninstall", 0, ALL, [])
    assert kept("none", "uninstall", 0, replace(ALL, online=()), [])


def test_a_kill_that_says_access_may_still_stand_is_not_kept() -> None:
    assert kept("server-frozen", "kill", 1, GONE, ["cluster: namespace tailscale"])
    assert not kept("server-frozen", "kill", 2, GONE, ["cluster: namespace tailscale"])


@pytest.mark.parametrize(
    "pair", [("none", "kill"), ("none", "destroy"), ("none", "uninstall"), ("api-errors", "destroy")]
)
def test_a_cut_that_hangs_or_changes_what_is_somebody_elses_is_not_kept(pair: tuple[str, str]) -> None:
    assert kept(*pair, 1, GONE, ["cluster: namespace tailscale"])
    assert not kept(*pair, None, GONE, [])
    for code in (0, 1):
        assert not kept(*pair, code, GONE, ["CHANGED: the state of globex-prod: -x"])
    assert not kept("backend-gone", "destroy", 255, ALL, ["CHANGED: the policy lost: // theirs"])


@pytest.mark.parametrize("fault", CLUSTER)
def test_plain_destroy_that_waits_for_the_cluster_is_not_kept(fault: str) -> None:
    assert prompt(fault, "destroy", 3.0, 3.0 + ALLOWED)
    assert not prompt(fault, "destroy", 3.0, 23.0)
    assert not prompt(fault, "destroy", 3.0, None)
    assert not prompt(fault, "destroy", None, None)
    assert prompt(fault, "destroy-flags", 23.0, 63.0)
    assert prompt("api-errors", "destroy", 3.0, None)


def test_destroy_that_leaves_the_namespace_has_to_fail() -> None:
    stuck = ["cluster: namespace tailscale, which does not end"]
    assert kept("namespace-stuck", "destroy", 255, GONE, stuck)
    assert not kept("namespace-stuck", "destroy", 0, GONE, stuck)
    assert kept("foreign-finalizer", "destroy", 0, GONE, ["cluster: clusterrolebinding x"])


def test_interrupted_destroy_has_to_have_revoked_access() -> None:
    assert kept("login-hangs", "destroy", None, GONE, [])
    for half in (replace(GONE, credentials=("k1",)), replace(GONE, devices=("d",)), ALL):
        assert not kept("login-hangs", "destroy", None, half, [])
    assert kept("login-hangs", "destroy-flags", None, ALL, [])
    assert not kept("login-hangs", "destroy-flags", None, ALL, ["CHANGED: the policy lost: // theirs"])
    shown = report.table([replace(DONE, fault="login-hangs", means="destroy", exit=ENDED_BY_HAND)])
    assert f"| has to be interrupted: {INTERRUPTED['login-hangs', 'destroy']} |" in shown


@pytest.mark.parametrize("fault", OUT_OF_REACH)
def test_command_that_cannot_read_the_cluster_says_so_and_calls_nothing_drift(fault: str) -> None:
    assert misreported(fault, Ended(2, "error: update failed", 1.0))
    for words in OUT_OF_REACH[fault]:
        said = f"acme-prod: unknown. The API server {words}"
        assert not misreported(fault, Ended(2, said, 1.0))
        assert misreported(fault, Ended(2, f"{said}\nacme-prod: drifted", 1.0))


@pytest.mark.parametrize("fault", OUT_OF_REACH)
@pytest.mark.parametrize("command", READS)
def test_command_that_cannot_read_the_cluster_fails_and_changes_nothing(fault: str, command: str) -> None:
    assert unharmed(fault, command, 1, [])
    for code in (0, None):
        assert not unharmed(fault, command, code, [])
    assert not unharmed(fault, command, 1, ["CHANGED: the policy: -x"])
    assert not unharmed(fault, command, 1, ["CHANGED: the state of tailnet: -x"])
    assert not unharmed(fault, command, 1, ["message: it calls that drift"])
    assert unharmed(fault, command, 1, ["CHANGED: the state: -x"]) is ((fault, command) in STATE_CHANGES)


def test_the_document_has_a_table_of_the_commands_that_only_read() -> None:
    read = Cell("server-frozen", "drift", None, None, None, None, ["CHANGED: the state: -x"], 1, {}, ok=False)
    text = report.table([DONE, read])
    line = f"| {FAULTS['server-frozen']} | {READS['drift']} | 1 | the state | **no** |"
    assert line in text.splitlines()
    assert READS["drift"] not in report.table([DONE])


def test_a_kill_that_says_nothing_is_left_while_something_is_is_not_kept() -> None:
    assert not kept("half-destroyed", "kill", 0, GONE, ["cluster: clusterrole highflame-sre"])
    assert kept("half-destroyed", "kill", 1, GONE, ["cluster: clusterrole highflame-sre"])


def test_a_kill_may_have_named_what_has_gone_since() -> None:
    assert kept("none", "kill", 1, GONE, [])


def test_what_stops_before_it_does_anything_may_not_have_done_half_of_it() -> None:
    pair = ("api-errors", "destroy-flags")
    assert kept(*pair, 1, ALL, [])
    assert kept(*pair, 1, replace(ALL, grants=()), [])
    assert not kept(*pair, 0, ALL, [])
    for half in (replace(ALL, credentials=()), replace(ALL, devices=())):
        assert not kept(*pair, 1, half, [])
    assert not kept("api-errors", "destroy", 1, ALL, [])
    stopped = replace(DONE, fault=pair[0], means=pair[1], grant_gone_s=None)
    assert f"| refuses: {STOPS[pair]} |" in report.table([stopped])
    assert f"| in part: {IN_PART[pair]} |" in report.table([replace(stopped, grant_gone_s=4.0)])


BARE = '{\n\t// theirs\n\t"grants": [\n\t\t{"dst": ["tag:ci"]},\n\t],\n}\n'
OURS = '\t\t{"dst": ["tag:kube-acme-prod"]},\n'
FULL = BARE.replace("\t],", f"{OURS}\t],")
EDIT = '\t\t{"dst": ["tag:ci:7000"]},'


@pytest.mark.parametrize(
    ("after", "edits", "wrong"),
    [
        (BARE, [], 0),
        (FULL, [], 0),
        (BARE.replace("\t],", '\t],\n\t// cut off by ada, now\n\t"group:killed-acme-prod": [],'), [], 0),
        (BARE.replace("\t],", f"{EDIT}\n\t],"), [EDIT], 0),
        (BARE, [EDIT], 1),
        (BARE.replace("\t// theirs\n", ""), [], 1),
        (BARE.replace("// theirs", "// Theirs"), [], 2),
        (BARE.replace("\t],", '\t\t{"dst": ["*"]},\n\t],'), [], 1),
        (BARE.replace("\t\t{", "\t{"), [], 2),
    ],
)
def test_every_byte_of_the_policy_is_somebodys(after: str, edits: list[str], wrong: int) -> None:
    assert len(policy_changes(BARE, FULL, edits, after)) == wrong


def test_an_environment_is_told_from_every_other_by_its_tags() -> None:
    ours = Environment("acme-prod")
    for tag in ("tag:kube-acme-prod", "tag:svc-acme-prod-ui", "tag:api-acme-prod", "tag:rec-acme-prod"):
        assert ours.owns(tag)
    for tag in ("tag:kube-acme-dev", "tag:kube-acme-prod-x", "tag:k8s-operator-acme", "tag:svc-acme-prod", "tag:ci"):
        assert not ours.owns(tag)


@pytest.mark.parametrize(("first", "last", "gone"), [(True, False, True), (False, True, False), (False, False, True)])
def test_a_part_that_comes_back_is_not_gone(first: bool, last: bool, gone: bool) -> None:
    standing = {"device": first}
    watch = Watch(lambda: standing)
    watch.start()
    standing = {"device": last}
    assert (watch.stop()["device"] is not None) is gone


def test_an_observer_that_fails_is_no_observation() -> None:
    answers = [{"device": True}]
    watch = Watch(lambda: answers.pop())
    watch.start()
    with pytest.raises(IndexError):
        watch.stop()
