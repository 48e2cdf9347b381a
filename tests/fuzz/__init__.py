"""Bad input for every command and file kind, and wrong-typed calls of every public name, as many as one likes.

``python -m tests.fuzz --n 10000`` and ``--calls 8000``; CI runs a small seeded sample (``tests/test_fuzz.py``).
Commands, options and names are found where they are registered, so that new ones are covered by themselves.
"""
