"""What a tailnet has one of: its settings, its DNS preferences and its policy document, as resources.

Nothing here can be created or deleted at Tailscale, and the real plugin's way with that matters: deleting settings
changes nothing, deleting DNS preferences switches MagicDNS off, and deleting the policy changes nothing unless
`resetAclOnDestroy` says so, and then resets the whole tailnet. Ids are made up.
"""

# ruff: noqa: ARG002, RUF012, S105 - parameters of the interface; ClassVar is declared in Kind; type tokens

from __future__ import annotations

import re
import uuid

import httpx

from sandbox.plugins.kind import Failure, Input, InvalidInput, Kind
from sandbox.plugins.tailscale_api import Api, ApiError
from sandbox.plugins.values import UNKNOWN, Properties

ROLES = ("none", "member", "admin")


class TailnetSettings(Kind):
    """The tailnet's settings. Sends only what differs; leaves alone what is not declared."""

    token = "tailscale:index/tailnetSettings:TailnetSettings"
    names = {  # input to the API's name
        "aclsExternallyManagedOn": "aclsExternallyManagedOn",
        "aclsExternalLink": "aclsExternalLink",
        "devicesApprovalOn": "devicesApprovalOn",
        "devicesAutoUpdatesOn": "devicesAutoUpdatesOn",
        "devicesKeyDurationDays": "devicesKeyDurationDays",
        "httpsEnabled": "httpsEnabled",
        "networkFlowLoggingOn": "networkFlowLoggingOn",
        "postureIdentityCollectionOn": "postureIdentityCollectionOn",
        "regionalRoutingOn": "regionalRoutingOn",
        "usersApprovalOn": "usersApprovalOn",
        "usersRoleAllowedToJoinExternalTailnet": "usersRoleAllowedToJoinExternalTailnets",
    }
    inputs = {name: Input(served=True) for name in names}

    def __init__(self, api: Api) -> None:
        self.api = api

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        link, role = inputs.get("aclsExternalLink"), inputs.get("usersRoleAllowedToJoinExternalTailnet")
        if isinstance(link, str) and not re.match("https?://", link):
            raise InvalidInput("aclsExternalLink", "must be a valid URL with http or https scheme")
        if role not in (None, UNKNOWN, *ROLES):
            raise InvalidInput("usersRoleAllowedToJoinExternalTailnet", f"value must be one of: {', '.join(ROLES)}")
        return inputs

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        return str(uuid.uuid4()), await self._change(inputs)

    async def read(self, identity: str, state: Properties) -> Properties | None:
        what = "Failed to fetch tailnet settings: Error reading tailnet settings"
        served = (await self.api.call(what, "GET", "settings")).json()
        return {name: served[at] for name, at in self.names.items() if at in served}

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        return await self._change({n: v for n, v in inputs.items() if state.get(n) != v})

    async def delete(self, identity: str, state: Properties) -> None:
        """Nothing: nobody knows what the settings were before."""

    async def _change(self, inputs: Properties) -> Properties:
        what = "Failed to update tailnet settings: Error updating tailnet settings"
        sent = dict.fromkeys(("aclsExternallyManagedOn", "aclsExternalLink"))  # the real client never leaves these out
        await self.api.call(what, "PATCH", "settings", sent | {self.names[name]: v for name, v in inputs.items()})
        return await self.read("", {}) or {}


class DnsPreferences(Kind):
    """Whether MagicDNS is on. Deleting it switches MagicDNS off for everybody."""

    token = "tailscale:index/dnsPreferences:DnsPreferences"
    inputs = {"magicDns": Input(required=True)}

    def __init__(self, api: Api) -> None:
        self.api = api

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        await self._set(inputs["magicDns"])
        return str(uuid.uuid4()), inputs

    async def read(self, identity: str, state: Properties) -> Properties | None:
        served = await self.api.call("Failed to fetch DNS preferences", "GET", "dns/preferences")
        return {"magicDns": served.json()["magicDNS"]}

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        await self._set(inputs["magicDns"])
        return inputs

    async def delete(self, identity: str, state: Properties) -> None:
        await self._set(False)

    async def _set(self, magic_dns: bool) -> None:
        await self.api.call("Failed to set DNS preferences", "POST", "dns/preferences", {"magicDNS": magic_dns})


class Acl(Kind):
    """The whole policy document. An update overwrites what others wrote meanwhile: the real plugin sends no
    If-Match.
    """

    token = "tailscale:index/acl:Acl"
    inputs = {
        "acl": Input(required=True),
        "overwriteExistingContent": Input(),
        "resetAclOnDestroy": Input(),
    }

    def __init__(self, api: Api) -> None:
        self.api = api

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        only_default = {} if inputs.get("overwriteExistingContent") else {"If-Match": '"ts-default"'}
        try:
            await self.api.call("Failed to set ACL", "POST", "acl", inputs["acl"], only_default)
        except ApiError as error:
            if error.status != httpx.codes.PRECONDITION_FAILED:
                raise
            raise Failure(
                "Overwrite Protected: You are trying to overwrite a non-default policy. "
                "Please import the ACL first or set overwrite_existing_content = true."
            ) from error
        return str(uuid.uuid4()), inputs

    async def read(self, identity: str, state: Properties) -> Properties | None:
        served = await self.api.call("Failed to fetch ACL", "GET", "acl", headers={"Accept": "application/hujson"})
        return state | {"acl": served.text}

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        await self.api.call("Failed to update ACL", "POST", "acl", inputs["acl"])
        return inputs

    async def delete(self, identity: str, state: Properties) -> None:
        if state.get("resetAclOnDestroy"):
            await self.api.call("Failed to reset ACL", "POST", "acl", "")
