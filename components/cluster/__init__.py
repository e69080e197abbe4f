"""The customer's cluster: namespace, operator release, credential Secret, and the bounds on what support may do."""
