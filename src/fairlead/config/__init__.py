"""From names and settings to objects: the one place that builds everything."""
