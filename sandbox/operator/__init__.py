"""Plays the Tailscale Kubernetes operator (v1.96.5) and the node that runs its pods, for every release in
several clusters.

No kubelet runs in the sandbox, so no pod of the chart would ever start. This package owns what would happen
inside those pods:

- `kubelet` is the node's part, with the administrator's credential: mounts Secrets, hands out
  ServiceAccount tokens, starts and restarts processes, writes pod status. Deployments, ReplicaSets and
  StatefulSets are left to the real kube-controller-manager.
- `task` runs the pods of the program's own Jobs, as processes of this machine.
- `process` is the operator's part, `proxy` and `api_proxy` those of its proxies, each with nothing but its own
  ServiceAccount's token and the credential that was mounted, so that the chart's RBAC and Tailscale's tag
  rule are really put to the test.

It carries no traffic: no tunnel, no API server proxy, no certificate. It does not schedule (pods show no node). It ends
on SIGTERM or SIGINT within two seconds and marks its devices offline, as devices whose process died; anything else that
stops it is a fault of its own and ends it with a traceback.
"""
