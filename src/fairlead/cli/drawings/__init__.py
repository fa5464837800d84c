"""Drawings of workflows as text: mermaid, dot, svg and json, all from one outline. Pure functions."""
