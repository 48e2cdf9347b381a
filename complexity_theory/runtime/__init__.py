"""Time on a device: what predicts it, cited and loaded measurements, fitted device profiles."""
