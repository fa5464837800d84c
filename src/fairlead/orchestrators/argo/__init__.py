"""Argo Workflows: an outline becomes a WorkflowTemplate whose containers run `exec-node`."""
