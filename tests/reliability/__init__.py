"""Killed, starved and crowded: what a run survives."""
