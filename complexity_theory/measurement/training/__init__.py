"""Accuracy as a measurement: scaled networks trained under one recipe, each run a row of the store."""
