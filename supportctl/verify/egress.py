"""`supportctl verify STACK --egress`: what the customer's network lets out of the operator's namespace, dialled there.

Owns the course of the question and the table. What is dialled is checks.py's, the Job probe.py's, the cluster
in_cluster.py's. A customer that installs alone applies the printed Job itself and sends back what it logged.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table

from components.naming import NAMESPACE
from components.settings.environment import Cluster, EnvironmentSettings
from supportctl.egress.relay_map import MapError, relay_map
from supportctl.screen import console
from supportctl.stack import StackError, relays_in, settings_of, shown_outputs_of
from supportctl.verify import checks as wanted
from supportctl.verify.checks import Check, CheckError, Expect
from supportctl.verify.exits import FAILS, HOLDS, NOT_ASKED
from supportctl.verify.options import VerifyOptions
from supportctl.verify.probe import NAME, ProbeError, Result, job, results

START_SECONDS = 120.0
"""Beside the probe's own limit, for a node to be found and the image to be pulled."""
MEANINGS = {
    "open": "answered",
    "untrusted": "answered with a certificate that is not trusted: TLS is decrypted on the way",
    "unresolved": "the DNS does not answer for it",
    "refused": "the connection was refused",
    "silent": "no answer",
    "cut": "broken off",
    "unknown": "could not be asked: the image lacks the tool",
}


def verify_egress(options: VerifyOptions) -> int:
    """Asks, prints the table, and returns the exit code."""
    out, errors = console(), console(stderr=True)
    try:
        settings = settings_of(options.stack, options.project.resolve())
        listed = _listed(options, settings)
        manifest = job(settings, listed, limit=options.limit)
        if options.manifest:
            _print_manifest(manifest, options.stack)
            return HOLDS
        said = _said(options, settings.cluster, manifest)
        found = results(listed, said)
    except (StackError, MapError, CheckError, ProbeError, ValueError) as error:
        errors.print(f"error: {error}", markup=False)
        return NOT_ASKED
    show(out, found)
    return HOLDS if all(map(holds, found)) else FAILS


def _listed(options: VerifyOptions, settings: EnvironmentSettings) -> list[Check]:
    if options.needed or options.shut:
        return wanted.chosen(options.needed, options.shut)
    relays = relays_in(shown_outputs_of(options.stack, options.project.resolve()))
    return wanted.checks(settings, lambda: relay_map(options.map_url, options.map_file), relays)


def _said(options: VerifyOptions, cluster: Cluster | None, manifest: dict[str, Any]) -> str:
    if options.results is not None:
        try:
            return options.results.read_text()
        except OSError as error:
            raise ProbeError(f"{options.results} cannot be read: {error.strerror}.") from None
    if cluster is None:
        raise ProbeError(
            f"{options.stack} names no cluster: the customer installs, so the customer probes. Hand over the Job, and"
            " judge what comes back by the same map of relays (MAP, fetched once):\n"
            f"  supportctl verify {options.stack} --egress --map-file MAP --manifest > probe.json\n"
            f"  kubectl apply -f probe.json; kubectl -n {NAMESPACE} wait --for=condition=complete job/{NAME};"
            f" kubectl -n {NAMESPACE} logs job/{NAME} > probe.log\n"
            f"  supportctl verify {options.stack} --egress --map-file MAP --results probe.log"
        )
    from supportctl.verify import in_cluster

    return in_cluster.run(cluster, manifest, limit=options.limit + START_SECONDS)


def _print_manifest(manifest: dict[str, Any], stack: str) -> None:
    """JSON, which kubectl takes as it takes YAML; to stdout alone, so that it can go into a file."""
    json.dump(manifest, sys.stdout, indent=2)
    sys.stdout.write("\n")
    console(stderr=True).print(
        f"Apply it, wait until it is complete, and give its log to: supportctl verify {stack} --egress --results FILE",
        markup=False,
    )


def holds(result: Result) -> bool:
    """Whether what was seen is what was expected. What could not be asked never holds."""
    match result.check.expect:
        case Expect.NEEDED:
            return result.seen == "open"
        case Expect.SHUT:
            return result.seen in ("unresolved", "refused", "silent", "cut")
        case Expect.DECLARED:
            return result.seen != "unknown"


def show(out: Console, found: Sequence[Result]) -> None:
    """One line for each, but for relays that answer: those are counted."""
    table = Table(box=box.SIMPLE)
    for column in ("", "destination", "expected", "seen", "why"):
        table.add_column(column, overflow="fold")
    for row in _rows(found):
        table.add_row(*row)
    out.print(table, soft_wrap=False)
    failing = sum(not holds(result) for result in found)
    out.print("All is as it must be." if not failing else f"{failing} of {len(found)} are not as they must be.")


def _rows(found: Sequence[Result]) -> Iterator[tuple[str, str, str, str, str]]:
    relays = [result for result in found if result.check.relay]
    passing = sum(map(holds, relays))
    counted = False
    for result in found:
        check = result.check
        if check.relay and not counted:
            counted = True
            mark = "ok" if passing == len(relays) else "FAILED"
            seen = f"{passing} of {len(relays)} answered"
            yield mark, "relays, by address", str(check.expect), seen, check.why
        if not (check.relay and holds(result)):
            mark = "ok" if holds(result) else "FAILED"
            why = f"at {check.address}" if check.relay else check.why
            yield mark, check.label, str(check.expect), MEANINGS.get(result.seen, result.seen), why
