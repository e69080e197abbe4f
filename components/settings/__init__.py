"""What a stack declares. Knows nothing of Pulumi: pydantic models, the rules between them, and their messages."""
