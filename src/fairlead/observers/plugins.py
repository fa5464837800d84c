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

__all__ = ["JsonLinesOptions", "SmtpOptions", "WebhookOptions", "jsonl", "smtp", "webhook"]

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
