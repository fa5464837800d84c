"""Write a workflow once, as plain Python, and run it anywhere."""

__version__ = "0.1.0"
