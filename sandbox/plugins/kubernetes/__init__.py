"""A stand-in for the provider plugin pulumi-resource-kubernetes 4.34, used only where the real one is not on PATH.

It owns what programs see of that plugin: Kubernetes objects of every kind, and `kubernetes:helm.sh/v3:Release`
through the real Helm. It does not serve the schema, YAML rendering, charts, kustomize or invokes; asked for one of
those it says so. Its errors carry the real plugin's words, because programs and people match on them.
"""
