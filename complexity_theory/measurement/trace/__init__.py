"""Modules that others wrote, read by running them once: their operations, values and costs."""
