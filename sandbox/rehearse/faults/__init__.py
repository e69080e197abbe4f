"""What goes wrong before or during a cut. Each fault is applied, held while the cut runs, and undone."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from sandbox.rehearse.command import Ended
from sandbox.rehearse.faults import cluster, engine, meanwhile, tailnet
from sandbox.rehearse.means import Documented
from sandbox.rehearse.stage import Stage

Around = Callable[[Callable[[], Ended]], Ended] | None
"""Runs the cut; None runs it once and looks on."""

Fault = Callable[[Stage, Documented], AbstractContextManager[Around]]

FAULTS: dict[str, Fault] = {
    "none": meanwhile.none,
    "server-stopped": cluster.server_stopped,
    "server-frozen": cluster.server_frozen,
    "server-refuses": cluster.server_refuses,
    "uninstalled": cluster.uninstalled,
    "namespace-stuck": cluster.namespace_stuck,
    "aggregated-api-dead": cluster.aggregated_api_dead,
    "webhook-closed": cluster.webhook_closed,
    "foreign-finalizer": cluster.foreign_finalizer,
    "store-stopped": cluster.store_stopped,
    "login-hangs": cluster.login_hangs,
    "frozen-midway": cluster.frozen_midway,
    "server-replaced": cluster.server_replaced,
    "half-destroyed": cluster.half_destroyed,
    "client-deleted": tailnet.client_deleted,
    "device-deleted": tailnet.device_deleted,
    "device-returns": tailnet.device_returns,
    "policy-edited": tailnet.policy_edited,
    "api-errors": tailnet.api_errors,
    "deployer-rotated": tailnet.deployer_rotated,
    "backend-gone": engine.backend_gone,
    "plugin-missing": engine.plugin_missing,
    "stack-locked": engine.stack_locked,
    "program-raises": engine.program_raises,
    "settings-invalid": engine.settings_invalid,
    "stack-file-broken": engine.stack_file_broken,
    "project-broken": engine.project_broken,
    "up-running": meanwhile.up_running,
    "killed-itself": meanwhile.killed_itself,
    "two-kills": meanwhile.two_kills,
}
"""By the names of cell.FAULTS."""
