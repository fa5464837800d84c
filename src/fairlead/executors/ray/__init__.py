"""Tasks in the workers of a Ray cluster: one that exists, or one that lives as long as the driver.

The driver (`executor`) talks to a process of its own (`bridge`) that is connected to Ray; an actor on
the cluster (`owner`) submits Ray tasks and keeps what came of them; `fairlead.config.guest` is what a Ray
worker runs. Nothing of Ray is imported in the driver.
"""
