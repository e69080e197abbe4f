"""One exposure of each kind, as a stack's file spells it."""

from __future__ import annotations

from typing import Any

SRE = "group:highflame-sre"
SERVICE: dict[str, Any] = {
    "name": "db",
    "kind": "service",
    "namespace": "data",
    "service": "postgres",
    "ports": [5432],
    "from": SRE,
}
INGRESS: dict[str, Any] = {
    "name": "studio",
    "kind": "ingress",
    "namespace": "studio",
    "service": "studio-ui",
    "port": 8080,
    "from": SRE,
}
EGRESS: dict[str, Any] = {
    "name": "artifacts",
    "kind": "egress",
    "namespace": "data",
    "service": "artifacts",
    "fqdn": "artifacts.tail0000.ts.net",
    "ports": [443],
    "to": "tag:artifact-store",
}
CROSS: dict[str, Any] = {
    "name": "reports",
    "kind": "cross-cluster",
    "namespace": "data",
    "service": "reports",
    "ports": ["tcp:9000", "udp:9000"],
    "peer": {"environment": "dev", "exposure": "reader"},
}
CONNECTOR: dict[str, Any] = {
    "name": "net",
    "kind": "connector",
    "routes": ["10.20.0.0/24", "10.21.0.0/24"],
    "ports": [22],
    "from": "group:network",
}
SIDECAR: dict[str, Any] = {
    "name": "worker",
    "kind": "sidecar",
    "namespace": "jobs",
    "workload": {"kind": "Deployment", "name": "worker", "pods": "one"},
    "ports": [9090],
    "from": SRE,
}
ALL = [SERVICE, INGRESS, EGRESS, CROSS, CONNECTOR, SIDECAR]
S3 = {"kind": "s3", "endpoint": "s3.eu-central-1.amazonaws.com", "bucket": "recordings", "secret": "bucket-key"}
LOCAL = {"kind": "local", "viewers": "group:audit"}
