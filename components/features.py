"""What the declared settings ask of the operator: questions with one answer, whoever asks.

Owns what follows from the settings alone: which images run, which scopes the operator's credential needs, which pods
the namespace must admit, as whom the API proxy runs. Pure; knows nothing of Pulumi or Kubernetes objects.
"""

from __future__ import annotations

from components.naming import API_PROXY_SERVICE_ACCOUNT, OPERATOR_SERVICE_ACCOUNT
from components.settings.credential import needed_scopes
from components.settings.environment import Delivery, EnvironmentSettings
from components.settings.expose import privileged, run_by_operator


def installs(settings: EnvironmentSettings) -> bool:
    """Whether this program puts anything into the cluster. Not before a federated identity's id is declared: the chart
    is given it, and the release may wait for no output of the credential."""
    federation = settings.credential.federation
    return settings.delivery is Delivery.MANAGED and (federation is None or federation.client_id is not None)


def federated_audience(settings: EnvironmentSettings) -> str | None:
    """For whom the operator's token is made out; None where it has a secret. Of one environment by default, so that no
    other identity takes the token."""
    federation = settings.credential.federation
    if federation is None:
        return None
    return federation.audience or f"support-access/{settings.names.name}"


def runs_proxies(settings: EnvironmentSettings) -> bool:
    """Whether the operator starts pods of the kind that a ProxyClass shapes, whose devices it must take away again."""
    return settings.operator.api_server_proxy.highly_available or run_by_operator(settings.expose)


def proxy_tags(settings: EnvironmentSettings) -> list[str]:
    """Tags of the devices that the operator makes for exposures and the recorder."""
    tags = settings.names.tags
    found = [tags.svc_tag(exposure.name) for exposure in settings.expose if exposure.by_operator]
    return [*found, *([tags.rec_tag] if settings.recorder else [])]


def runs_privileged_pods(settings: EnvironmentSettings) -> bool:
    """Whether the namespace must admit privileged pods. API proxies, Ingress proxies and recorders are none."""
    return privileged(settings.expose)


def scopes(settings: EnvironmentSettings) -> list[str]:
    """Scopes of the operator's credential: the least that the declared features need, and what is acknowledged.

    What is acknowledged and no longer needed stays until it is taken out there: the operator removes the devices of a
    feature that went after its credential has been changed, at the end of the same update.
    """
    return list(dict.fromkeys([*_needed(settings), *settings.credential.acknowledge]))


def idle_scopes(settings: EnvironmentSettings) -> list[str]:
    """Acknowledged scopes that no declared feature needs."""
    return [scope for scope in settings.credential.acknowledge if scope not in _needed(settings)]


def _needed(settings: EnvironmentSettings) -> list[str]:
    return needed_scopes(
        proxies=runs_proxies(settings) or settings.recorder is not None,
        services=settings.operator.api_server_proxy.highly_available,
    )


def images_in_use(settings: EnvironmentSettings) -> tuple[str, ...]:
    """Names of the images (`settings.images.REPOSITORIES`) that nodes pull for the declared features."""
    used = {
        "operator": True,
        "proxy": run_by_operator(settings.expose),
        "k8s_proxy": settings.operator.api_server_proxy.highly_available,
        "recorder": settings.recorder is not None,
    }
    return tuple(name for name, is_used in used.items() if is_used)


def impersonators(settings: EnvironmentSettings) -> tuple[str, ...]:
    """ServiceAccounts that serve the API as somebody else; none where nobody is impersonated."""
    api = settings.operator.api_server_proxy
    if not api.impersonates:
        return ()
    return (API_PROXY_SERVICE_ACCOUNT,) if api.highly_available else (OPERATOR_SERVICE_ACCOUNT,)
