"""The kill switch that needs no state, no program and no cluster: sever at Tailscale, then clear the state."""
