"""Rules in Suricata's language that let the operator's connections pass, and do nothing else.

Owns the text. Passes by the TLS server name, which relays are dialled with although they are dialled by address.
Only ever `pass`: a domain list of the kind ALLOWLIST would also drop every other TLS connection of the customer.
Does not let handshakes pass: a policy that drops them has to let TCP be established for any TLS at all.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from components.egress.destinations import ANY, Destination, Spelling, spelled
from components.endpoints import derp_map
from components.naming import Names

FIRST_SID, SIDS_PER_STACK = 1_000_000, 100


def rules(rows: Iterable[Destination], names: Names) -> list[str]:
    """One rule per line: TLS by server name, then UDP. $HOME_NET, $EXTERNAL_NET and, for UDP, $PUBLIC_NET are the rule
    group's variables: UDP has no name to compare, and no business with the customer's own networks.

    Raises ValueError for more rules than a stack has numbers for.
    """
    rows = tuple(rows)
    wanted = [
        (f"tls $HOME_NET any -> $EXTERNAL_NET {port}", f"ssl_state:client_hello; tls.sni; {_match(host)}", ESTABLISHED)
        for host, port in spelled(rows, Spelling.SUFFIX)
    ]
    wanted += [
        (f"udp $HOME_NET any -> $PUBLIC_NET {row.port or 'any'}", "", "flow:to_server; ")
        for row in rows
        if row.protocol == "udp" and row.host == ANY
    ]
    if len(wanted) > SIDS_PER_STACK:
        raise ValueError(f"{len(wanted)} rules, and a stack has numbers for {SIDS_PER_STACK}.")
    # Numbers must differ within a policy, which the rules of several stacks may share.
    first = FIRST_SID + zlib.crc32(names.name.encode()) % 9_990 * SIDS_PER_STACK
    return [
        f'pass {head} ({match}{flow}msg:"support access to {names.name}"; sid:{first + number}; rev:1;)'
        for number, (head, match, flow) in enumerate(wanted)
    ]


ESTABLISHED = "flow:to_server, established; "


def _match(host: str) -> str:
    """The whole name or, for what begins with a dot, the name and everything under it."""
    if host == derp_map.SUFFIX:
        return f'dotprefix; content:"{host}"; nocase; endswith; '
    return f'content:"{host}"; startswith; nocase; endswith; '
