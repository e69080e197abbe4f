"""A stand-in for the Tailscale control API, as one Starlette application.

Owns the table of calls with the scope that each takes, and what is common to them: the credential is checked
first, then its scope, then the call is carried out in one piece, then the state is saved. It serves one tailnet,
under "-" or its DNS name. It dies with the process that serves it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.tailscale import (
    attributes,
    control,
    devices,
    issuers,
    keys,
    nodes,
    oauth,
    policy_file,
    services,
    settings,
    streams,
    webhooks,
)
from sandbox.tailscale.credentials import Actor, actor
from sandbox.tailscale.errors import ApiError, not_found
from sandbox.tailscale.faults import Faults
from sandbox.tailscale.state import State

Handler = Callable[[Request, State, Actor], Awaitable[Response]]
Endpoint = Callable[[Request], Awaitable[Response]]

TAILNET = "/api/v2/tailnet/{tailnet}"
DEVICE = "/api/v2/device/{id}"
WEBHOOK = "/api/v2/webhooks/{id}"

# Method, path, scope that the call takes ("" where the handler asks for one itself), handler.
CALLS: list[tuple[str, str, str, Handler]] = [
    ("GET", f"{TAILNET}/acl", "policy_file:read", policy_file.get),
    ("POST", f"{TAILNET}/acl", "policy_file", policy_file.save),
    ("POST", f"{TAILNET}/acl/validate", "policy_file:read", policy_file.validate),
    ("GET", f"{TAILNET}/keys", "", keys.list_all),
    ("POST", f"{TAILNET}/keys", "", keys.post),
    ("GET", f"{TAILNET}/keys/{{id}}", "", keys.get),
    ("PUT", f"{TAILNET}/keys/{{id}}", "", keys.put),
    ("DELETE", f"{TAILNET}/keys/{{id}}", "", keys.delete),
    ("GET", f"{TAILNET}/devices", "devices:core:read", devices.list_all),
    ("GET", DEVICE, "devices:core:read", devices.get),
    ("DELETE", DEVICE, "devices:core", devices.delete),
    ("POST", f"{DEVICE}/tags", "devices:core", devices.set_tags),
    ("POST", f"{DEVICE}/key", "devices:core", devices.set_key),
    ("POST", f"{DEVICE}/expire", "devices:core", devices.expire),
    ("POST", f"{DEVICE}/authorized", "devices:core", devices.set_authorized),
    ("POST", f"{DEVICE}/name", "devices:core", devices.set_name),
    ("GET", f"{DEVICE}/routes", "devices:routes:read", devices.get_routes),
    ("POST", f"{DEVICE}/routes", "devices:routes", devices.set_routes),
    ("GET", f"{DEVICE}/attributes", "devices:posture_attributes:read", attributes.get),
    ("POST", f"{DEVICE}/attributes/{{key}}", "devices:posture_attributes", attributes.post),
    ("DELETE", f"{DEVICE}/attributes/{{key}}", "devices:posture_attributes", attributes.delete),
    *(
        (method, f"{TAILNET}/{path}", scope, handler)
        for base in ("vip-services", "services")
        for method, path, scope, handler in (
            ("GET", base, "services:read", services.list_all),
            ("GET", f"{base}/{{name}}", "services:read", services.get),
            ("PUT", f"{base}/{{name}}", "services", services.put),
            ("DELETE", f"{base}/{{name}}", "services", services.delete),
        )
    ),
    ("GET", f"{TAILNET}/settings", "", settings.get),
    ("PATCH", f"{TAILNET}/settings", "", settings.patch),
    ("GET", f"{TAILNET}/dns/preferences", "dns:read", settings.get_preferences),
    ("POST", f"{TAILNET}/dns/preferences", "dns", settings.set_preferences),
    ("GET", f"{TAILNET}/dns/nameservers", "dns:read", settings.get_nameservers),
    ("POST", f"{TAILNET}/dns/nameservers", "dns", settings.set_nameservers),
    ("GET", f"{TAILNET}/dns/searchpaths", "dns:read", settings.get_search_paths),
    ("POST", f"{TAILNET}/dns/searchpaths", "dns", settings.set_search_paths),
    ("GET", f"{TAILNET}/logging/configuration", "logs:configuration:read", settings.audit_log),
    ("GET", f"{TAILNET}/logging/{{type}}/stream", "log_streaming:read", streams.get),
    ("PUT", f"{TAILNET}/logging/{{type}}/stream", "log_streaming", streams.put),
    ("DELETE", f"{TAILNET}/logging/{{type}}/stream", "log_streaming", streams.delete),
    ("POST", f"{TAILNET}/aws-external-id", "log_streaming", streams.new_external_id),
    ("GET", f"{TAILNET}/webhooks", "webhooks:read", webhooks.list_all),
    ("POST", f"{TAILNET}/webhooks", "webhooks", webhooks.post),
    ("GET", WEBHOOK, "webhooks:read", webhooks.get),
    ("PATCH", WEBHOOK, "webhooks", webhooks.patch),
    ("DELETE", WEBHOOK, "webhooks", webhooks.delete),
    ("GET", f"{TAILNET}/users", "users:read", settings.list_users),
    ("GET", "/sandbox/faults", "all", control.get_faults),
    ("PUT", "/sandbox/faults", "all", control.put_faults),
    ("GET", "/sandbox/calls", "all", control.get_calls),
    ("DELETE", "/sandbox/calls", "all", control.delete_calls),
    ("GET", "/sandbox/state", "all", control.get_state),
    ("POST", "/sandbox/clock", "all", control.move_clock),
    ("GET", "/sandbox/issuers", "all", issuers.get),
    ("PUT", "/sandbox/issuers", "all", issuers.put),
]

# Calls that carry their credential in the body.
OPEN_CALLS: list[tuple[str, str, Callable[[Request, State], Awaitable[Response]]]] = [
    ("POST", "/api/v2/oauth/token", oauth.token),
    ("POST", "/api/v2/oauth/token-exchange", oauth.exchange),
    ("POST", "/sandbox/register", nodes.register),
    ("POST", "/sandbox/poll", nodes.poll),
]


def create_app(state: State) -> Starlette:
    """The application for `state`. Several applications may share a state only within one event loop."""
    routes = [Route(path, _endpoint(state, scope, handler), methods=[method]) for method, path, scope, handler in CALLS]
    routes += [Route(path, _open_endpoint(state, handler), methods=[method]) for method, path, handler in OPEN_CALLS]
    return Starlette(
        routes=routes,
        middleware=[Middleware(Faults, state=state)],
        exception_handlers={ApiError: _refused, HTTPException: _no_such_call},
    )


def _endpoint(state: State, scope: str, handler: Handler) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        caller = actor(state, request.headers.get("authorization", ""))
        if scope:
            caller.require(scope)
        if request.path_params.get("tailnet", "-") not in ("-", state.data["dnsSuffix"]):
            raise not_found("tailnet")
        return await _carried_out(request, state, lambda: handler(request, state, caller))

    return endpoint


def _open_endpoint(state: State, handler: Callable[[Request, State], Awaitable[Response]]) -> Endpoint:
    async def endpoint(request: Request) -> Response:
        return await _carried_out(request, state, lambda: handler(request, state))

    return endpoint


async def _carried_out(request: Request, state: State, call: Callable[[], Awaitable[Response]]) -> Response:
    """Read the body first: after it no handler waits, so that no other call comes between a check and its change."""
    await request.body()
    response = await call()
    if request.method != "GET":
        state.save()
    return response


async def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - registered for this class only
    return JSONResponse(error.body(), status_code=error.status)


async def _no_such_call(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    return JSONResponse({"message": error.detail}, status_code=error.status_code)
