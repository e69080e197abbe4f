"""The only way in: a stack's flat configuration to its typed settings, or every problem of it in one error.

Does not own the settings themselves (environment.py, tailnet.py), the kubeconfig (kubeconfig.py) or other stacks
(siblings.py). Opens no connection and holds no secret: credentials come from the environment. Settings that do not
load build nothing, so a wrong stack leaves everything as it is.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from components.naming import Names
from components.settings.access_checks import check_access, check_deployer_is_no_source, check_roster
from components.settings.api_proxy_checks import check_mode, check_recorder_is_read, check_replicas, check_scopes
from components.settings.environment import Delivery, EnvironmentSettings
from components.settings.environment_checks import (
    check_chart_variable,
    check_cloud_package,
    check_delivery,
    check_stack_name,
)
from components.settings.expose_checks import check_exposures
from components.settings.federation_checks import check_federation
from components.settings.forms import Settings
from components.settings.kubeconfig import check_kubeconfig
from components.settings.network_policy import check_handed_over, check_http_proxy
from components.settings.operator_checks import check_chart, check_images, check_pods, check_ways_out
from components.settings.problems import (
    PROJECT,
    KeyPath,
    SettingsError,
    from_validation,
    known_keys,
    misplaced_key,
    misspelt_namespace,
)
from components.settings.recorder import check_default_name
from components.settings.roster import check_any_user
from components.settings.siblings import check_siblings
from components.settings.tailnet import TailnetSettings, TailnetStack
from components.settings.tailnet_checks import check_tailnet
from components.settings.version_checks import check_versions


def load(
    stack: str, config: Mapping[str, str], *, stacks_dir: Path | None = None, today: date | None = None
) -> EnvironmentSettings | TailnetSettings:
    """The settings of one stack, or one SettingsError with everything that is wrong with them.

    config: Pulumi's flat configuration, `{"support-access:access": "[{...}]", "aws:region": "..."}`; keys of other
    namespaces are not looked at, but for one that is called almost so. stacks_dir: folder of all stacks' files; given,
    this stack may share nothing with another that each needs alone (siblings.py). today: in UTC, the clock's when left
    out; access that was given until an earlier day counts as not declared. For a cluster the kubeconfig must be there
    and hold the context.
    """
    raw = parsed(config)
    if stack == "tailnet" or ("tailnet" in raw and "customer" not in raw):
        model, elsewhere, checks = TailnetStack, EnvironmentSettings, TAILNET_CHECKS
    else:
        model, elsewhere, checks = EnvironmentSettings, TailnetStack, ENVIRONMENT_CHECKS
    foreign = known_keys(elsewhere).keys() - known_keys(model).keys()
    problems = [problem for key in config if (problem := misspelt_namespace(stack, key))]
    problems += [misplaced_key(stack, key) for key in raw if key in foreign]
    raw = {key: value for key, value in raw.items() if key not in foreign}
    settings = None
    try:
        settings = model.model_validate(raw)
    except ValidationError as error:
        problems += from_validation(stack, model, error, _suggestions(stack))
    problems += [problem for check in checks for problem in check(stack, raw)]
    problems += check_chart_variable()
    if stacks_dir is not None:
        problems += check_siblings(stack, raw, stacks_dir)
    if settings is None or problems:
        required = [key for key, field in known_keys(model).items() if field.is_required()]
        incomplete = any(key not in raw for key in required)
        raise SettingsError(stack, problems, example=_example(model, required, stack) if incomplete else None)
    if isinstance(settings, TailnetStack):
        return settings.tailnet
    return settings.with_chart_of_this_machine().on(today or datetime.now(UTC).date())


TEXTS = frozenset({"customer", "environment", "deployer", "delivery"})
"""Keys whose value is a text; the others are JSON. A customer called `null` is a text all the same."""

ENVIRONMENT_CHECKS = (
    check_stack_name,
    check_delivery,
    check_access,
    check_roster,
    check_any_user,
    check_handed_over,
    check_http_proxy,
    check_deployer_is_no_source,
    check_cloud_package,
    check_exposures,
    check_versions,
    check_images,
    check_chart,
    check_pods,
    check_ways_out,
    check_mode,
    check_replicas,
    check_recorder_is_read,
    check_default_name,
    check_scopes,
    check_federation,
    check_kubeconfig,
)
TAILNET_CHECKS = (check_tailnet,)


def parsed(config: Mapping[str, str]) -> dict[str, Any]:
    """The program's own keys with their values as JSON has them, before anything is checked."""
    raw: dict[str, Any] = {}
    for key, value in config.items():
        namespace, _, name = key.partition(":")
        if namespace != PROJECT:
            continue
        raw[name] = value
        if name not in TEXTS:
            with contextlib.suppress(ValueError, RecursionError):  # what is no JSON is refused as the text that it is
                raw[name] = json.loads(value)
    if "cluster" in raw:
        raw.setdefault("delivery", Delivery.MANAGED.value)
    return raw


def _suggestions(stack: str) -> dict[KeyPath, object]:
    """Better examples than the fields' own, for a stack whose name says what it is."""
    try:
        names = Names.split(stack)
    except ValueError:
        return {}
    return {("customer",): names.customer, ("environment",): names.environment, ("cluster", "context"): stack}


def _example(model: type[Settings], required: list[str], stack: str) -> str:
    """The least that the stack's file must say, ready to copy."""
    import yaml  # only somebody with a problem waits for this import

    better = _suggestions(stack)
    fields = known_keys(model)
    least = {f"{PROJECT}:{key}": better.get((key,), (fields[key].examples or [None])[0]) for key in required}
    return yaml.safe_dump({"config": least}, sort_keys=False).rstrip()
