"""Runs as traces and metrics, received over HTTP and read with the protocol's own definitions."""

import pytest

from fairlead import Environment, current_run, task, workflow
from fairlead.config.services import close_all
from tests.observers.servers import http_receiver

pytest.importorskip("opentelemetry.sdk", reason="the extra 'otel' is not installed")


@task
def load(n: int) -> list[int]:
    return list(range(n))


@task(retries=1)
def score(x: int) -> int:
    current_run().log_metric("loss", x / 2)
    if x == 1:
        raise ValueError("one is too few")
    return x


@workflow
def scored(n: int):
    return score.map(load(n))


@pytest.fixture(autouse=True)
def project(tmp_path, monkeypatch):
    (tmp_path / ".fairlead").mkdir()
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    close_all()


def decoded(received, path):
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    kind = ExportTraceServiceRequest if path == "/v1/traces" else ExportMetricsServiceRequest
    return [kind.FromString(body) for where, _, body in received if where == path]


def spans(received):
    parts = [part for one in decoded(received, "/v1/traces") for part in one.resource_spans[0].scope_spans]
    return [span for part in parts for span in part.spans]


def facts(thing):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in thing.attributes}


def observed(received, **more):
    endpoint = f"http://127.0.0.1:{received.port}"
    return Environment(executor="in_process", observers=[{"type": "otel", "endpoint": endpoint, **more}])


def test_a_run_is_a_trace_with_a_span_for_every_attempt():
    with http_receiver() as received:
        run = scored(3).run(observed(received, headers={"x-key": "k"}, service="lab"), id="otter", check=False)
    assert run.get_status() == "failed"
    found = {(span.name, facts(span).get("fairlead.attempt", 0)): span for span in spans(received)}
    attempts = {("load", 1), ("score[0]", 1), ("score[1]", 1), ("score[1]", 2), ("score[2]", 1)}
    assert set(found) == {("scored", 0), *attempts}
    root = found["scored", 0]
    assert {span.trace_id for span in found.values()} == {root.trace_id}
    assert {span.parent_span_id for key, span in found.items() if key in attempts} == {root.span_id}
    assert facts(root)["fairlead.run"] == "otter" and facts(root)["fairlead.parameter.n"] == "3"
    begun, over = root.start_time_unix_nano, root.end_time_unix_nano
    assert all(begun <= span.start_time_unix_nano <= span.end_time_unix_nano <= over for span in found.values())
    failed = found["score[1]", 2]
    assert failed.status.code == 2 and failed.status.message == "one is too few"
    assert facts(failed.events[0])["exception.type"].endswith("ValueError")
    assert facts(found["score[2]", 1])["fairlead.metric.loss"] == 1.0
    assert received[0][1]["x-key"] == "k"
    resource = decoded(received, "/v1/traces")[0].resource_spans[0].resource
    assert facts(resource)["service.name"] == "lab"


def test_a_resumed_run_goes_on_in_the_same_trace():
    with http_receiver() as received:
        run = scored(2).run(observed(received), check=False)
        run.resume(check=False)
    roots = [span for span in spans(received) if span.name == "scored"]
    assert len(roots) == 2 and len({span.trace_id for span in roots}) == 1
    assert [facts(span)["fairlead.epoch"] for span in roots] == [1, 2]


def test_times_and_what_tasks_measured_are_metrics():
    with http_receiver() as received:
        scored(1).run(observed(received))
    last = decoded(received, "/v1/metrics")[-1]
    metrics = {one.name: one for one in last.resource_metrics[0].scope_metrics[0].metrics}
    points = {facts(point)["fairlead.task"]: point for point in metrics["fairlead.task.duration"].histogram.data_points}
    assert points["score"].count == points["load"].count == 1
    assert metrics["fairlead.run.duration"].histogram.data_points[0].count == 1
    (measured,) = metrics["fairlead.task.metric"].gauge.data_points
    assert facts(measured)["fairlead.metric"] == "loss" and measured.as_double == 0.0


def test_a_receiver_that_refuses_is_one_warning_of_ours(caplog):
    with http_receiver(*[400] * 5) as received:
        run = scored(1).run(observed(received))
    assert run.get_status() == "succeeded"
    said = [record.getMessage() for record in caplog.records if record.name == "fairlead"]
    assert len(said) == 1 and "the OTLP receiver takes no spans or metrics" in said[0]
