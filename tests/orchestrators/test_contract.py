"""What comes with Fairlead holds what orchestrators of others are held to."""

import pytest

from fairlead.orchestrators.argo.options import ArgoOptions
from fairlead.orchestrators.argo.orchestrator import Argo
from fairlead.testing.contracts.orchestrator import OrchestratorContract


class TestArgo(OrchestratorContract):
    @pytest.fixture
    def make_orchestrator(self):
        return lambda: Argo(ArgoOptions(image="team/jobs:1"))
