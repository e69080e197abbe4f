"""The matrix as data: which faults, which means, which pairs have no meaning, and what one cell comes to.

Owns names and words. Runs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

FAULTS = {
    "none": "nothing: the cluster is up",
    "server-stopped": "API server stopped: connections are refused",
    "server-frozen": "API server frozen: packets are swallowed",
    "server-refuses": "the runner's credential for the cluster has expired",
    "uninstalled": "the customer has uninstalled the release",
    "namespace-stuck": "namespace stuck on a finalizer",
    "aggregated-api-dead": "namespace stuck on an aggregated API without a backend",
    "webhook-closed": "an admission webhook fails closed: its service is gone",
    "foreign-finalizer": "a finalizer of another owner on one of our bindings",
    "store-stopped": "the cluster's store (etcd) is stopped",
    "login-hangs": "the kubeconfig's login plugin never answers",
    "frozen-midway": "API server freezes as soon as the grant is gone",
    "server-replaced": "the kubeconfig's context leads to another customer's cluster",
    "half-destroyed": "half of an earlier destroy is done",
    "client-deleted": "OAuth client deleted by hand",
    "device-deleted": "device deleted by hand",
    "device-returns": "device that registers again at once",
    "policy-edited": "policy edited by a person meanwhile",
    "api-errors": "429, 500 and resets from the Tailscale API",
    "deployer-rotated": "the credential that deployed it has expired",
    "backend-gone": "state backend gone",
    "plugin-missing": "a provider plugin missing",
    "stack-locked": "stack locked by a crashed run",
    "program-raises": "program raises on import",
    "settings-invalid": "settings invalid",
    "stack-file-broken": "stack file is no YAML",
    "project-broken": "Pulumi.yaml is no YAML",
    "up-running": "`up` of the same stack running at the same time",
    "killed-itself": "kill -9 of `kill` at every step, then again",
    "two-kills": "two kills at once",
}
"""Name to what it is, in the order of the table."""

MEANS = {
    "destroy": "`pulumi destroy`",
    "destroy-flags": "`pulumi destroy --refresh --continue-on-error`",
    "kill": "`supportctl kill`",
    "uninstall": "the customer's `helm uninstall`",
}

OUT_OF_REACH = {
    "server-frozen": ("is unreachable", "does not answer"),
    "server-refuses": ("asked for the client to provide credentials", "refuses the credential", "Unauthorized"),
    "server-replaced": ("another cluster",),
}
"""Faults in which the cluster cannot be read, and what a command that reads it has to report: one of these."""

READS = {
    "refresh": "`pulumi refresh`",
    "up-refresh": "`pulumi up --refresh`",
    "drift": "`supportctl ci drift`",
}
"""Commands that read the cluster and revoke nothing: with a fault of OUT_OF_REACH they change nothing, and fail."""

_READS_KEPT = (
    "the engine keeps what each read found in the other cluster, although the refresh fails: the former state has to "
    "be imported"
)
STATE_CHANGES: dict[tuple[str, str], str] = {
    ("server-replaced", "refresh"): _READS_KEPT,
    ("server-replaced", "up-refresh"): _READS_KEPT,
}
"""Pairs of these in which the state alone is not as it was, and why; docs/kill-switch.md says what to do then."""

CLUSTER = (
    *("none", "server-stopped", "server-frozen", "server-refuses", "uninstalled", "namespace-stuck"),
    *("aggregated-api-dead", "webhook-closed", "foreign-finalizer", "store-stopped", "login-hangs", "frozen-midway"),
    "server-replaced",
)
"""Faults of the cluster. Whatever its state, after a plain destroy the credential is gone soon after the grant."""
PROMISED = 5.0
"""Seconds from the grant to the credential."""
ALLOWED = 10.0
"""What counts as kept, for a machine that is busy with other work. A request that waits for a cluster which does not
answer takes at least 20 s here (two TLS handshakes of 10 s), and for a finalizer 30 s."""

_UNASKED = "helm asks nothing of it, so it is as with the cluster up"
_ONE_AT_A_TIME = "it is about `kill`"
NO_MEANING: dict[tuple[str, str], str] = {
    ("uninstalled", "uninstall"): "it is done already",
    ("half-destroyed", "uninstall"): "as with the cluster up",
    **{
        (fault, "uninstall"): _UNASKED
        for fault in FAULTS
        if fault not in ("none", "server-stopped", "server-frozen", "uninstalled", "namespace-stuck", "half-destroyed")
    },
    **{
        (fault, "uninstall"): "it is about what the vendor's own commands wait for"
        for fault in ("aggregated-api-dead", "webhook-closed", "foreign-finalizer", "store-stopped", "frozen-midway")
    },
    **{
        (fault, "uninstall"): "the customer's own kubeconfig is not the runner's"
        for fault in ("server-refuses", "login-hangs", "server-replaced")
    },
    **{
        (fault, means): _ONE_AT_A_TIME for fault in ("killed-itself", "two-kills") for means in MEANS if means != "kill"
    },
}
"""Pairs that are not rehearsed, and why."""

_LOCKED = "the engine does not start while another run holds the lock"
_NO_PLUGIN = "the engine starts every provider before it deletes anything"
_NO_PROJECT = "the engine reads the project's file first"
_NO_STATE = "the engine cannot read its state"
CANNOT: dict[tuple[str, str], str] = {
    ("backend-gone", "destroy"): _NO_STATE,
    ("backend-gone", "destroy-flags"): _NO_STATE,
    ("plugin-missing", "destroy"): _NO_PLUGIN,
    ("plugin-missing", "destroy-flags"): _NO_PLUGIN,
    ("stack-locked", "destroy"): _LOCKED,
    ("stack-file-broken", "destroy"): "the engine reads the stack's file first",
    ("project-broken", "destroy"): _NO_PROJECT,
    ("project-broken", "destroy-flags"): _NO_PROJECT,
    ("up-running", "destroy"): _LOCKED,
    ("up-running", "destroy-flags"): _LOCKED,
    ("server-stopped", "uninstall"): "helm does not reach the cluster",
    ("server-frozen", "uninstall"): "helm does not reach the cluster",
}
"""Pairs in which the means must refuse before it does anything, and why. They are rehearsed: a refusal that has done
half the work, or that never comes, is a failed cell."""

_NOT_REPEATED = "the provider of the OAuth client repeats no call: the same command again takes the rest"
IN_PART: dict[tuple[str, str], str] = {
    ("api-errors", "destroy"): _NOT_REPEATED,
    ("api-errors", "destroy-flags"): _NOT_REPEATED,
}
"""Pairs in which one run takes the grant, and need not take more."""

STOPS: dict[tuple[str, str], str] = {
    ("api-errors", "destroy-flags"): (
        "`--refresh` reads everything first, and the provider of the OAuth client repeats no call: it stopped before "
        "anything was cut, and the same command again goes on"
    ),
}
"""Those of them in which it may also stop before it does anything, by whom the fault meets first, and why."""

_PLUGIN_WAITS = "the engine's Kubernetes plugin waits without a limit: access is revoked by then, interrupt it"
INTERRUPTED: dict[tuple[str, str], str] = {
    ("login-hangs", "destroy"): _PLUGIN_WAITS,
    ("login-hangs", "destroy-flags"): (
        "`--refresh` reads the cluster first, and the engine's Kubernetes plugin waits for the login plugin without a "
        "limit: interrupt it and use `supportctl kill`"
    ),
}
"""Pairs in which the engine does not end by itself, and why. A person interrupts it: Documented.patience."""

SHORT = (
    ("server-stopped", "destroy"),
    ("plugin-missing", "kill"),
    ("policy-edited", "destroy-flags"),
    ("killed-itself", "kill"),
)
"""The most telling ones, for the short form; with the API server frozen the tests do more."""

HUNG = "hung"
ENDED_BY_HAND = "interrupted"


@dataclass(frozen=True, slots=True)
class Cell:
    """One rehearsal. Times: seconds since the cut began, None where it did not come about.

    means: of MEANS, or of READS. left: what still is there at the end, and whatever changed that is somebody else's;
    after a command of READS: what changed. exit: the exit code, or "hung", or "interrupted" for a pair of INTERRUPTED.
    plugins: those of the stack by name, "real", "stand-in" or "own". ok: the promise of this pair was kept.
    """

    fault: str
    means: str
    grant_gone_s: float | None
    credential_gone_s: float | None
    devices_gone_s: float | None
    state_clear_s: float | None
    left: list[str]
    exit: int | str
    plugins: dict[str, str]
    ok: bool

    @property
    def name(self) -> str:
        return f"{self.fault}:{self.means}"


def pairs() -> list[tuple[str, str]]:
    """Every pair that is rehearsed, in the order of the tables."""
    cuts = [(fault, means) for fault in FAULTS for means in MEANS if (fault, means) not in NO_MEANING]
    return cuts + [(fault, command) for fault in OUT_OF_REACH for command in READS]
