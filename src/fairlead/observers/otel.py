"""Sends runs to OpenTelemetry: a trace of each run with a span for every attempt, and metrics.

No thread of OpenTelemetry's works here, and nothing is left for the end of the process: what has
come in is exported at once, by the thread that this observer is told in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from fairlead.errors import StoreError
from fairlead.model.events import Attempt
from fairlead.model.notices import Closed, Notice, Opened, TaskEnded
from fairlead.model.path import group_of
from fairlead.model.run import FINAL, Run, RunSummary
from fairlead.model.words import short

__all__ = ["OpenTelemetry"]

_NANO = 1_000_000_000


class OpenTelemetry:
    """Exports spans and metrics by OTLP over HTTP.

    The trace's id is made of the run's id, so that a resumed run goes on in the same trace.
    """

    def __init__(
        self, endpoint: str, headers: Mapping[str, str], service: str, *, timeout: float, pause: float, grace: float
    ) -> None:
        """An empty `endpoint`: what the usual variables of the process environment say (`OTEL_EXPORTER_OTLP_…`)."""
        self.endpoint = endpoint.rstrip("/")
        self.headers = dict(headers)
        self.service = service
        self.timeout, self.pause, self.grace = timeout, pause, grace
        self._line: _Line | None = None
        self._root: Any = None

    def notify(self, run: Run, event: Notice) -> None:
        """Send one event."""
        self.notify_all(run, [event])

    def notify_all(self, run: Run, events: Sequence[Notice]) -> None:
        """Send what has come in; StoreError when nobody takes it."""
        line = self._line = self._line or _Line(self, run)
        told = False
        for event in events:
            if isinstance(event, Opened):
                self._root = line.begin(run, event.summary)
            elif isinstance(event, TaskEnded):
                line.task(run, event.attempt, self._root)
                told = True
            elif isinstance(event, Closed):
                if self._root is not None:
                    line.end(run, event.summary, self._root)
                told = True
        if told:
            line.export()


class _Line:
    """The connection to a receiver: what was made since the last export, and where it goes."""

    def __init__(self, settings: OpenTelemetry, run: Run) -> None:
        import logging

        from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.metrics.export import InMemoryMetricReader
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import SimpleSpanProcessor
        from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
        from opentelemetry.sdk.trace.id_generator import RandomIdGenerator

        # Its own words about a receiver are for whoever has set logging up; others hear ours only.
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())

        class Ids(RandomIdGenerator):  # type: ignore[misc]  # OpenTelemetry is optional, and has no types here
            def generate_trace_id(self) -> int:
                return int.from_bytes(sha256(run.id.encode()).digest()[:16], "big")

        more: dict[str, Any] = {"timeout": settings.timeout, "headers": settings.headers or None}
        to = settings.endpoint
        self._spans_to = OTLPSpanExporter(**more, **({"endpoint": f"{to}/v1/traces"} if to else {}))
        self._metrics_to = OTLPMetricExporter(**more, **({"endpoint": f"{to}/v1/metrics"} if to else {}))
        resource = Resource.create({"service.name": settings.service, "host.name": run.host})
        self._spans = InMemorySpanExporter()
        tracers = TracerProvider(resource=resource, id_generator=Ids(), shutdown_on_exit=False)
        tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self._tracer = tracers.get_tracer("fairlead", run.fairlead)
        self._reader = InMemoryMetricReader()
        meters = MeterProvider([self._reader], resource=resource, shutdown_on_exit=False)
        meter = meters.get_meter("fairlead", run.fairlead)
        self._seconds = meter.create_histogram("fairlead.task.duration", "s", "How long attempts took")
        self._run_seconds = meter.create_histogram("fairlead.run.duration", "s", "How long runs took")
        self._measured = meter.create_gauge("fairlead.task.metric", "1", "What tasks measured")

    def begin(self, run: Run, summary: RunSummary) -> Any:
        """Open the span of the run; it is sent when it ends."""
        facts: dict[str, Any] = {
            "fairlead.run": run.id,
            "fairlead.workflow": run.workflow.name,
            "fairlead.environment": str(run.environment.get("name", "")),
            "fairlead.epoch": summary.epoch,
        }
        facts.update({"fairlead.tags": run.tags} if run.tags else {})
        facts.update({"fairlead.parent": run.parent} if run.parent else {})
        facts.update({f"fairlead.parameter.{name}": short(value, 200) for name, value in run.parameters.items()})
        return self._tracer.start_span(run.workflow.name, start_time=_nano(summary.started), attributes=facts)

    def task(self, run: Run, attempt: Attempt, root: Any) -> None:
        """Make the span of an attempt, and count it."""
        from opentelemetry.trace import Status, StatusCode, set_span_in_context

        about = {"fairlead.workflow": run.workflow.name, "fairlead.task": group_of(attempt.path)}
        facts: dict[str, Any] = {
            **about,
            "fairlead.run": run.id,
            "fairlead.path": attempt.path,
            "fairlead.attempt": attempt.attempt,
            "fairlead.outcome": str(attempt.outcome),
            **{f"fairlead.metric.{name}": value for name, value in (attempt.metrics or {}).items()},
        }
        if attempt.origin is not None:
            facts["fairlead.origin"] = f"{attempt.origin.run}/{attempt.origin.path}"
        ended = attempt.ended or attempt.started
        span = self._tracer.start_span(
            attempt.path,
            context=None if root is None else set_span_in_context(root),
            start_time=_nano(attempt.started or ended),
            attributes=facts,
        )
        failure = attempt.failure
        if failure is not None:
            said = {"exception.type": failure.type or failure.reason, "exception.message": failure.message}
            said.update({"exception.stacktrace": failure.traceback} if failure.traceback else {})
            span.add_event("exception", said, _nano(ended))
            span.set_status(Status(StatusCode.ERROR, failure.message))
        span.end(_nano(ended))
        self._seconds.record(attempt.seconds, {**about, "fairlead.outcome": str(attempt.outcome)})
        for name, value in (attempt.metrics or {}).items():
            self._measured.set(value, {**about, "fairlead.run": run.id, "fairlead.metric": name})

    def end(self, run: Run, summary: RunSummary, root: Any) -> None:
        """Close the span of the run."""
        from opentelemetry.trace import Status, StatusCode

        root.set_attribute("fairlead.status", summary.status)
        if summary.status == "failed":
            root.set_status(Status(StatusCode.ERROR, summary.error))
        root.end(_nano(summary.ended))
        if summary.status in FINAL and summary.started is not None and summary.ended is not None:
            about = {"fairlead.workflow": run.workflow.name, "fairlead.status": summary.status}
            self._run_seconds.record(summary.ended - summary.started, about)

    def export(self) -> None:
        """Send what was made since the last time."""
        spans = self._spans.get_finished_spans()
        self._spans.clear()
        sent = [self._spans_to.export(spans)] if spans else []
        metrics = self._reader.get_metrics_data()
        if metrics is not None:
            sent.append(self._metrics_to.export(metrics))
        if any(one.name != "SUCCESS" for one in sent):
            raise StoreError("the OTLP receiver takes no spans or metrics; look at 'endpoint' and 'headers'")


def _nano(moment: float | None) -> int | None:
    return None if moment is None else int(moment * _NANO)
