"""The Kubernetes API of a customer's cluster, reached by kubeconfig and context as `kubectl` reaches it."""
