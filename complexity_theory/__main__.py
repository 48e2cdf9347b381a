"""``python -m complexity_theory``: the front door."""

from complexity_theory.cli import main

main()
