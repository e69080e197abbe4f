module support-access/tools/chart

go 1.26

// Only the chart and the CRDs are taken from this module (cmd/k8s-operator/deploy); nothing of it is compiled.
require tailscale.com v1.96.5
