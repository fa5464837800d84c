"""The book of conformance: workflows with what must come of them, wherever they run.

A chapter is a module with workflows and, beside them, `CASES`. It imports nothing that a worker would not
need anyway. What is done with a case is in `ways.py`, where cases run in `columns.py`.
"""

CHAPTERS = ("blocks", "kinds", "values", "failures", "surroundings", "reuse", "ends")
"""In the order of the page."""
