"""The examples are run, small, on real data."""
