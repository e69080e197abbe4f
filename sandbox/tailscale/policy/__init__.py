"""The judgement of policy documents: judge.judge is the way in. Knows nothing of HTTP or of the state."""
