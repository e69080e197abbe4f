"""What CI runs: which stacks a change touches, what each would do, one comment, deployment and drift."""
