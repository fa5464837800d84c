"""Where a cluster's dashboard is, and what it tells of the nodes, for who cannot join the cluster.

Asks by plain HTTP and imports nothing of Ray.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fairlead.errors import FairleadError
from fairlead.executors.ray.messages import Node
from fairlead.executors.ray.options import RayOptions
from fairlead.executors.ray.sessions import Unreachable

__all__ = ["dashboard_of", "nodes_at"]

PORT = 8265
PATIENCE = 20.0


def dashboard_of(options: RayOptions) -> str:
    """Give the URL that takes jobs: the one that is said, or Ray's usual one at the cluster's head."""
    if options.dashboard is not None:
        return options.dashboard.rstrip("/")
    address = options.address or "auto"
    host = "127.0.0.1" if address == "auto" else address.rpartition("://")[2].rpartition(":")[0] or address
    return f"http://{host}:{PORT}"


def nodes_at(options: RayOptions) -> list[Node]:
    """List the living nodes of a cluster. Their host is unknown: only `shared_files` says who sees which files."""
    listed = _asked(options, "/api/v0/nodes?detail=1&limit=10000")["data"]["result"]["result"]
    return [
        Node(node["node_id"], node["node_ip"], "", dict(node["resources_total"] or {}), dict(node.get("labels") or {}))
        for node in listed
        if node["state"] == "ALIVE"
    ]


def _asked(options: RayOptions, path: str) -> Any:
    from urllib.error import HTTPError
    from urllib.request import Request, urlopen

    url = dashboard_of(options)
    headers = {}
    if options.auth == "token" and options.token_path:
        try:
            token = Path(options.token_path).expanduser().read_text(encoding="utf-8").strip()
        except OSError as error:
            raise FairleadError(f"cannot read {options.token_path!r}, the token of the Ray cluster: {error}") from error
        headers["Authorization"] = f"Bearer {token}"
    try:
        with urlopen(Request(url + path, headers=headers), timeout=PATIENCE) as answer:  # noqa: S310  # settled: http
            return json.load(answer)
    except HTTPError as error:
        error.close()
        why = "it wants a token: auth and token_path" if error.code in (401, 403) else f"it says {error}"
        raise Unreachable(f"the Ray dashboard at {url} does not tell its nodes; {why}") from error
    except (OSError, ValueError) as error:
        raise Unreachable(
            f"no Ray dashboard answers at {url} ({getattr(error, 'reason', error)}), which is to take the job; is it "
            "running, with ray[default], at this place? 'dashboard' says another one"
        ) from error
