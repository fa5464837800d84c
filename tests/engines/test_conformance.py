"""The book of conformance on executors and stores that need a service: see tests/conformance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fairlead import Environment
from fairlead.config.services import close_all
from tests.conformance.columns import COLUMNS, HOLD, Column, column, environment_file, runs
from tests.conformance.ways import KEY, conforms
from tests.engines.postgres import PASSWORD
from tests.engines.s3 import CREDENTIALS

ENGINES = [one for one in COLUMNS if one.engine]


@pytest.fixture(scope="module")
def surroundings():
    """Variables that environments of this module take their passwords from."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CONFORMANCE_KEY", KEY)
        patch.setenv("CONFORMANCE_DB", PASSWORD)
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        yield


@pytest.fixture(scope="module")
def places(tmp_path_factory, surroundings, request):
    """Give a column's project folder and environment, made once, with its services."""
    made: dict[str, tuple[Path, Environment]] = {}

    def of(where: Column) -> tuple[Path, Environment]:
        if where.name not in made:
            folder = tmp_path_factory.mktemp(where.name.replace(" ", ""))
            (folder / ".fairlead").mkdir()
            file = environment_file(folder, where, settings(where, folder, request))
            made[where.name] = folder, Environment.load(file)
        return made[where.name]

    yield of
    close_all()
    if any(name.startswith("ray") for name in made):
        from fairlead.executors.ray.sessions import close_parked

        close_parked()


def settings(where: Column, folder: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """Start what a column needs, and say how it is reached."""
    told: dict[str, Any] = {}
    store, _, artifacts = where.store.partition(" + ")
    if where.executor == "ray":
        told["executor"] = request.getfixturevalue("ray_cluster").settings
    if where.executor == "container":
        url, image = request.getfixturevalue("podman").url, request.getfixturevalue("image")
        told["executor"] = {"type": "container", "image": image, "url": url, "pull": "never", "network": "none"}
        told["executor"] |= {"mounts": ["."], "max_workers": 2}
    if store == "postgres":
        server = request.getfixturevalue("postgres")
        url = f"postgresql://fairlead@127.0.0.1:{server.port}/postgres"
        schema = f"book_{where.executor}"
        told["store"] = {"type": "postgres", "url": url, "password": "${CONFORMANCE_DB}", "schema": schema}
    if "s3" in where.store:
        server = request.getfixturevalue("s3_server")
        bucket = {"url": f"s3://{server.make_bucket()}/kept", "endpoint": server.endpoint}
        told |= {"artifacts": bucket} if artifacts else {"store": {"type": "object", "ttl": HOLD, **bucket}}
    return told


@pytest.mark.parametrize(
    ("where", "name"), [(one.name, name) for one in ENGINES for name, _ in runs(one)], ids=lambda part: str(part)
)
def test_it_comes_as_written(where, name, places, monkeypatch):
    found = column(where)
    folder, environment = places(found)
    monkeypatch.chdir(folder)
    conforms(dict(runs(found))[name], found, name, folder, environment)
