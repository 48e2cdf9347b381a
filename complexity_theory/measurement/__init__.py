"""The companion package: real layers and networks, built, counted, verified and timed. Only here is torch imported."""
