"""What the operator must reach, and the rules that open it in the customer's cloud: one module per target."""
