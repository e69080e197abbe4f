"""A stand-in for Tailscale's control API: state.State holds a tailnet, app.create_app serves it."""
