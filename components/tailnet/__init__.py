"""The tailnet side of an environment: policy entries and the operator's credential."""
