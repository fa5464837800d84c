"""Every orchestrator there is, rehearsed against plain runs: ours, and a third party's.

Not against engines: what they are given is interpreted here, and each container is a process of `exec-node`.
"""

from __future__ import annotations

import pytest

from fairlead.orchestrators.argo.options import ArgoOptions
from fairlead.orchestrators.argo.orchestrator import Argo
from fairlead.testing.contracts.orchestrator import OrchestratorRehearsalContract
from tests.plugins.installing import load
from tests.plugins.test_script import HERE


class TestArgo(OrchestratorRehearsalContract):
    @pytest.fixture
    def make_orchestrator(self):
        return lambda: Argo(ArgoOptions(image="team/jobs:1"))


class TestScript(OrchestratorRehearsalContract):
    @pytest.fixture
    def make_orchestrator(self):
        package = load("fairlead_script", HERE)
        return lambda: package.Script(package.Options())
