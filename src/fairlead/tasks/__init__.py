"""Kinds of task: how each is called."""
