"""How long `supportctl kill` takes until the grant is gone, once it has a token: a GET and a POST.

    python benchmarks/kill.py [--rounds N] [--latency MILLISECONDS]

Owns the measurement and judges nothing: no test runs it. The API is the sandbox's stand-in on loopback, in a thread of
this process. It answers at once; what the real service takes is not known here, so `--latency` adds to each call. The
column "processor" is what the kill itself computes, without waiting and without the stand-in's judgement.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from providers.tailnet.severance import Mark
from providers.tailnet.slice import applied
from providers.tailnet.tags import Environment
from supportctl.kill.record import Record
from supportctl.kill.sever import Severing
from supportctl.kill.target import target
from tests.providers.policies import access, identity
from tests.providers.tailnet_api import Api, running_api

ENVIRONMENTS = (1, 20, 100)
MARK = Mark(who="benchmark", when="2026-11-21T12:00:00Z", why="")


def standing(policy: str, count: int) -> str:
    """The document with that many environments in it."""
    for number in range(count):
        environment = Environment(f"customer{number}", "prod")
        for part in (identity(environment), access(environment)):
            policy = applied(policy, part).text
    return policy


def measured(api: Api, count: int, rounds: int, latency: float) -> str:
    """One line of the table. Raises where a kill left the grant or made other calls than it should."""
    api.use_oauth_client()
    full = standing(api.text, count)
    aim = target("customer0-prod", None)
    seconds, computed, calls = [], [], []
    for _ in range(rounds):
        api.state.data["policy"] = full
        with api.client() as client:
            client.policy()  # from here on it has a token, and a connection
            api.faults({"path": "", "kind": "latency", "seconds": latency / 1000})
            api.calls()
            severing = Severing(client, aim, MARK, Record("x", "benchmark", "", None, lambda _: None))
            began, computing = time.perf_counter(), time.thread_time()
            severing.policy()
            seconds.append(time.perf_counter() - began)
            computed.append(time.thread_time() - computing)
            calls = api.calls()
            api.faults()
        if '"tag:kube-customer0-prod"' in api.text:
            raise RuntimeError("the grant is still there")
        if calls != ["GET /tailnet/-/acl", "POST /tailnet/-/acl"]:
            raise RuntimeError(f"other calls than a GET and a POST: {calls}")
    middle, longest, processor = (
        1000 * each for each in (statistics.median(seconds), max(seconds), statistics.median(computed))
    )
    size = len(full.encode()) / 1024
    made = ", ".join(call.partition(" ")[0] for call in calls)
    return f"| {count} | {size:.0f} KiB | {made} | {middle:.0f} ms | {longest:.0f} ms | {processor:.0f} ms |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--latency", type=float, default=0, help="milliseconds that each call takes longer")
    options = parser.parse_args()
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {options.rounds} rounds, "
        f"{options.latency:.0f} ms added to each call\n"
    )
    print("| environments in the policy | document | calls | median | longest | processor |\n|---|---|---|---|---|---|")
    for count in ENVIRONMENTS:
        with running_api() as api:
            print(measured(api, count, options.rounds, options.latency))


if __name__ == "__main__":
    main()
