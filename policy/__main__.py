"""Hands the catalogue to Pulumi. Runs in the pack's own virtualenv, started by the engine."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# The engine runs the folder: the package that it is lies one above.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import pulumi_policy as pulumi  # pyright: ignore[reportMissingImports]
from pulumi_policy.proxy import UnknownValueError  # pyright: ignore[reportMissingImports]

from policy.catalogue import CATALOGUE, Entry
from policy.seen import Seen


def policy(entry: Entry) -> Any:
    """One rule as Pulumi's policy."""
    common = {
        "name": entry.name,
        "description": entry.says,
        "enforcement_level": pulumi.EnforcementLevel(entry.level),
        "config_schema": pulumi.PolicyConfigSchema(properties=dict(entry.config)) if entry.config else None,
    }
    if entry.outputs:
        return pulumi.StackValidationPolicy(**common, validate=lambda args, report: _stack(entry, args, report))
    return pulumi.ResourceValidationPolicy(**common, validate=lambda args, report: _resource(entry, args, report))


def _resource(entry: Entry, args: Any, report: Any) -> None:
    for problem in entry.rule(_seen(args), args.get_config()):
        report(problem)


def _stack(entry: Entry, args: Any, report: Any) -> None:
    for resource in args.resources:
        for problem in entry.rule(_seen(resource), args.get_config()):
            report(problem, resource.urn)


def _seen(resource: Any) -> Seen:
    return Seen(
        type=resource.resource_type,
        name=resource.name,
        stack=resource.urn.split("::")[0].rpartition(":")[2],
        props=resource.props,
        known=_known(resource.props),
        secret_outputs=tuple(resource.opts.additional_secret_outputs),
        protected=bool(resource.opts.protect),
        ignored=tuple(resource.opts.ignore_changes),
    )


def _known(value: Any) -> Any:
    """A copy without what is not known yet: touching it raises."""
    if isinstance(value, Mapping):
        keys, get = list(value), value.__getitem__
    elif isinstance(value, Sequence) and not isinstance(value, str):
        keys, get = list(range(len(value))), value.__getitem__
    else:
        return value
    found = {}
    for key in keys:
        with contextlib.suppress(UnknownValueError):
            found[key] = _known(get(key))
    return found if isinstance(value, Mapping) else list(found.values())


pulumi.PolicyPack("support-access", [policy(entry) for entry in CATALOGUE])
