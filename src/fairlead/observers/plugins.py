"""What environments can say to the observers that come with Fairlead, and how they are opened.

Imports no observer before one is opened, and opens no connection: that is done when there is
something to tell, in the observer's own thread.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from fairlead.observers.documents import USUAL, Kind
from fairlead.observers.smtp import Security, When
from fairlead.ports import Observer, Plugin, Site

__all__ = [
    "JsonLinesOptions",
    "MLflowOptions",
    "OtelOptions",
    "SmtpOptions",
    "WebhookOptions",
    "jsonl",
    "mlflow",
    "otel",
    "smtp",
    "webhook",
]

Grace = Annotated[
    Annotated[float, msgspec.Meta(ge=0)],
    msgspec.Meta(description="Seconds that it gets at the end of a run before it is cut off."),
]

Timeout = Annotated[Annotated[float, msgspec.Meta(gt=0)], msgspec.Meta(description="Seconds that an answer may take.")]

Events = Annotated[
    tuple[Kind, ...],
    msgspec.Meta(description="What it is told of: run_opened, task_ended, progress, output, run_closed."),
]


class JsonLinesOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `jsonl`."""

    path: Annotated[
        str, msgspec.Meta(description="The file, relative to the project's folder; {run} and {workflow} are filled in.")
    ]
    events: Events = USUAL
    grace: Grace = 5.0


class WebhookOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `webhook`."""

    url: Annotated[
        Annotated[str, msgspec.Meta(pattern="^https?://")], msgspec.Meta(description="Where events are posted to.")
    ]
    headers: Annotated[dict[str, str], msgspec.Meta(description="Further headers, such as Authorization.")] = {}
    events: Events = USUAL
    batch: Annotated[Annotated[int, msgspec.Meta(ge=1)], msgspec.Meta(description="Events of one request at most.")] = (
        200
    )
    every: Annotated[
        Annotated[float, msgspec.Meta(ge=0)], msgspec.Meta(description="Seconds between two requests, at least.")
    ] = 1.0
    timeout: Timeout = 5.0
    grace: Grace = 5.0


class MLflowOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `mlflow`."""

    tracking_uri: Annotated[
        str,
        msgspec.Meta(description="The tracking server; otherwise MLFLOW_TRACKING_URI, or MLflow's own default."),
    ] = ""
    experiment: Annotated[str, msgspec.Meta(description="Otherwise the name of the workflow.")] = ""
    nested: Annotated[bool, msgspec.Meta(description="Make a nested run for every task run.")] = False
    artifacts: Annotated[bool, msgspec.Meta(description="Log what tasks kept with log_artifact.")] = True
    tags: Annotated[dict[str, str], msgspec.Meta(description="Further tags of the MLflow runs.")] = {}
    grace: Grace = 30.0


class OtelOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `otel`."""

    endpoint: Annotated[
        Annotated[str, msgspec.Meta(pattern="^(https?://.*)?$")],
        msgspec.Meta(description="The receiver; otherwise OTEL_EXPORTER_OTLP_ENDPOINT, or http://localhost:4318."),
    ] = ""
    headers: Annotated[dict[str, str], msgspec.Meta(description="Further headers, such as a key.")] = {}
    service: Annotated[str, msgspec.Meta(description="The name of the service that the spans are of.")] = "fairlead"
    every: Annotated[
        Annotated[float, msgspec.Meta(ge=0)], msgspec.Meta(description="Seconds between two exports, at least.")
    ] = 1.0
    timeout: Timeout = 5.0
    grace: Grace = 10.0


class SmtpOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of `smtp`."""

    host: Annotated[str, msgspec.Meta(description="The mail server.")]
    to: Annotated[list[str] | str, msgspec.Meta(description="Who gets the mail: one address or a list.")]
    sender: Annotated[str, msgspec.Meta(description="Who it is from; otherwise the first of `to`.")] = ""
    when: Annotated[When, msgspec.Meta(description="end: after every run; failure: after those that failed.")] = "end"
    security: Annotated[Security, msgspec.Meta(description="starttls, tls or none.")] = "starttls"
    port: Annotated[
        int | None, msgspec.Meta(description="Otherwise 587 with starttls, 465 with tls, 25 with none.")
    ] = None
    user: Annotated[str, msgspec.Meta(description="Logs in where it is given.")] = ""
    password: Annotated[str, msgspec.Meta(description="Of the user; write it as ${NAME}.")] = ""
    timeout: Timeout = 10.0
    grace: Grace = 15.0


def _open_jsonl(options: JsonLinesOptions, site: Site) -> Observer:
    from fairlead.observers.jsonl import JsonLines

    return JsonLines(site.folder / options.path, options.events, options.grace)


def _open_webhook(options: WebhookOptions, site: Site) -> Observer:  # noqa: ARG001 - as every observer is opened
    from fairlead.observers.webhook import Webhook

    return Webhook(
        options.url,
        options.headers,
        options.events,
        batch=options.batch,
        every=options.every,
        timeout=options.timeout,
        grace=options.grace,
    )


def _open_mlflow(options: MLflowOptions, site: Site) -> Observer:
    from fairlead.observers.mlflow import MLflow

    settings = {name: getattr(options, name) for name in ("tracking_uri", "experiment", "nested", "tags")}
    return MLflow(settings, site.values if options.artifacts else None, grace=options.grace)


def _open_otel(options: OtelOptions, site: Site) -> Observer:  # noqa: ARG001 - as every observer is opened
    from fairlead.observers.otel import OpenTelemetry

    return OpenTelemetry(
        options.endpoint,
        options.headers,
        options.service,
        timeout=options.timeout,
        pause=options.every,
        grace=options.grace,
    )


_PORTS: dict[Security, int] = {"starttls": 587, "tls": 465, "none": 25}


def _open_smtp(options: SmtpOptions, site: Site) -> Observer:  # noqa: ARG001 - as every observer is opened
    from fairlead.observers.smtp import Mail, Server

    to = [options.to] if isinstance(options.to, str) else options.to
    login = (options.user, options.password) if options.user else None
    port = options.port or _PORTS[options.security]
    server = Server(options.host, port, options.security, login, options.timeout)
    return Mail(server, sender=options.sender or to[0], to=to, when=options.when, grace=options.grace)


jsonl = Plugin(open=_open_jsonl, options=JsonLinesOptions, doc="JSON documents in a file, one to a line.")

webhook = Plugin(open=_open_webhook, options=WebhookOptions, doc="JSON documents posted to a URL, in batches.")

smtp = Plugin(open=_open_smtp, options=SmtpOptions, doc="A mail at the end of a run, or only when it failed.")

otel = Plugin(
    open=_open_otel,
    options=OtelOptions,
    doc="OpenTelemetry: a trace with a span for every attempt, and metrics, by OTLP over HTTP.",
    needs=("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.http"),
    install="fairlead[otel]",
)

mlflow = Plugin(
    open=_open_mlflow,
    options=MLflowOptions,
    doc="MLflow tracking: parameters, metrics, tags, artifacts; a nested run for every task run where asked.",
    needs=("mlflow",),
    install="fairlead[mlflow]",
)
