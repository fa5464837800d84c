"""The observers that come with Fairlead keep the contract that plugins are held to."""

import io

import pytest

from fairlead.config.registry import open_plugin
from fairlead.observers.terminal import Terminal
from fairlead.ports import Site
from fairlead.testing.contracts.observer import ObserverContract
from tests.observers.servers import http_receiver, smtp_receiver


class TestTerminal(ObserverContract):
    @pytest.fixture
    def make_observer(self):
        return lambda: Terminal(io.StringIO(), loudness=1)


class TestJsonLines(ObserverContract):
    @pytest.fixture
    def make_observer(self, tmp_path):
        kinds = ["run_opened", "task_ended", "progress", "output", "run_closed"]
        settings = {"type": "jsonl", "path": "events.jsonl", "events": kinds}
        return lambda: open_plugin("observers", settings, Site(folder=tmp_path))


class TestWebhook(ObserverContract):
    @pytest.fixture
    def make_observer(self, tmp_path):
        with http_receiver() as received:
            settings = {"type": "webhook", "url": received.url}
            yield lambda: open_plugin("observers", settings, Site(folder=tmp_path))


class TestMail(ObserverContract):
    @pytest.fixture
    def make_observer(self, tmp_path):
        with smtp_receiver() as received:
            settings = {"type": "smtp", "host": "127.0.0.1", "port": received.port, "security": "none", "to": "a@b.c"}
            yield lambda: open_plugin("observers", settings, Site(folder=tmp_path))


class TestOpenTelemetry(ObserverContract):
    @pytest.fixture
    def make_observer(self, tmp_path):
        pytest.importorskip("opentelemetry.sdk", reason="the extra 'otel' is not installed")
        with http_receiver() as received:
            settings = {"type": "otel", "endpoint": f"http://127.0.0.1:{received.port}"}
            yield lambda: open_plugin("observers", settings, Site(folder=tmp_path))
