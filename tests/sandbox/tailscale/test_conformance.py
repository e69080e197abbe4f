"""The stand-in answers as the real API was recorded to."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from sandbox import conformance

DATA = Path(__file__).parents[2] / "data"
RECORDED = DATA / "policy-api.jsonl.gz"
OPEN = DATA / "open-policies.jsonl.gz"


@pytest.mark.parametrize(("file", "records", "connections"), [(RECORDED, 405, 163_870), (OPEN, 108, 75_565)])
def test_every_recorded_answer_and_packet_filter_is_given(file: Path, records: int, connections: int) -> None:
    replays = conformance.replay_file(file)
    assert [replay for replay in replays if not replay.alike] == []
    assert (len(replays), sum(replay.connections for replay in replays)) == (records, connections)


def test_a_connection_that_the_recorded_filter_drops_counts_as_different(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = json.loads(gzip.decompress(OPEN.read_bytes()).decode().splitlines()[0])
    dropped = next(iter(record["filters"]))
    record["filters"][dropped] = None
    file = tmp_path / "dropped.jsonl"
    file.write_text(json.dumps(record))
    assert conformance.main([str(file)]) == 1
    printed = capsys.readouterr().out
    assert "0 of 1 answered alike" in printed
    assert f"to {dropped} at port 443, protocol 6: recorded Drop, evaluated otherwise" in printed


def test_a_different_message_counts_as_different(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = gzip.decompress(RECORDED.read_bytes()).decode().splitlines()
    records = [record for record in map(json.loads, lines) if record["id"] in ("acl-err06", "acl-a02")]
    for record in records:
        if record["code"] == 400:
            record["body"]["message"] += "!"
    file = tmp_path / "changed.jsonl"
    file.write_text("".join(json.dumps(record) + "\n" for record in records))
    assert conformance.main([str(file)]) == 1
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == "1 of 2 answered alike"
    assert printed[2].startswith("acl-err06: recorded 400")


def test_recorded_data_is_compared_where_there_is_any(tmp_path: Path) -> None:
    tests = [{"src": "u@example.com", "accept": ["1.2.3.4:22"]}]
    policy = {"groups": {"group:a": ["u@example.com"]}, "grants": [], "tests": tests}
    errors = ['[acl test error]: address "1.2.3.4:22": want: Accept, got: Drop']
    body = {"message": "test(s) failed", "data": [{"user": "u@example.com", "errors": errors}]}
    record = {"id": "x", "policy": policy, "code": 400, "body": body, "users": ["u@example.com"], "nodes": {}}
    file = tmp_path / "data.jsonl"
    file.write_text(json.dumps(record))
    assert conformance.replay_file(file)[0].alike
    body["data"][0]["errors"] = ["another"]
    file.write_text(json.dumps(record))
    assert not conformance.replay_file(file)[0].alike


@pytest.mark.parametrize("content", ["not json\n", "[]\n", '{"id": "x"}\n'])
def test_a_file_of_another_format_is_refused(tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "other.jsonl"
    file.write_text(content)
    assert conformance.main([str(file)]) == 2
    assert "other.jsonl:1" in capsys.readouterr().err
