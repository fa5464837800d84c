"""A drawing as JSON, for programs that draw for themselves."""

from __future__ import annotations

from typing import Any

from fairlead.cli.drawings.outline import Scope

__all__ = ["document"]


def document(scope: Scope) -> dict[str, Any]:
    """Write a scope with everything inside it as plain data."""
    return {
        "name": scope.name,
        "nodes": [
            {
                "id": box.id,
                "name": box.label,
                "kind": box.kind,
                "path": box.path or None,
                "detail": box.detail or None,
                "about": box.about or None,
                "status": box.status or None,
                "progress": box.progress or None,
                "body": None if box.inner is None else document(box.inner),
            }
            for box in scope.boxes
        ],
        "edges": [
            {
                "from": arrow.source,
                "to": arrow.target,
                "output": arrow.label or None,
                "takes": arrow.takes or None,
                "kind": "order" if arrow.order else "data",
                "when": arrow.when,
                "each": arrow.each,
            }
            for arrow in scope.arrows
        ],
    }
