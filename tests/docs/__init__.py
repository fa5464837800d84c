"""The code blocks of the documentation are run."""
