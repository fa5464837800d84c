"""Sends a mail when a run has ended: what became of it, and what failed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

from fairlead.model.events import Attempt
from fairlead.model.notices import Closed, Notice, TaskEnded
from fairlead.model.run import Run, RunSummary
from fairlead.model.words import one_line, short
from fairlead.observers.sentences import closing_line, failure_line

__all__ = ["Mail", "Security", "Server", "When"]

Security: TypeAlias = Literal["starttls", "tls", "none"]
"""How the connection is kept from others."""

When: TypeAlias = Literal["end", "failure"]
"""After which runs there is a mail."""

_FAILURES = 20
"""Failures that a mail tells of one by one."""


class Server(NamedTuple):
    """The mail server, and how it is spoken to."""

    host: str
    port: int
    security: Security
    login: tuple[str, str] | None
    timeout: float
    """Seconds that an answer may take."""


class Mail:
    """Mails the end of a run."""

    def __init__(self, server: Server, *, sender: str, to: Sequence[str], when: When, grace: float) -> None:
        self.server = server
        self.sender, self.to, self.when = sender, list(to), when
        self.grace = grace
        self._failed: list[Attempt] = []

    def notify(self, run: Run, event: Notice) -> None:
        """Note failures, and send the mail at the end."""
        if isinstance(event, TaskEnded):
            if event.final and event.attempt.outcome in ("failed", "lost") and len(self._failed) < _FAILURES:
                self._failed.append(event.attempt)
        elif isinstance(event, Closed) and (self.when == "end" or event.summary.status in ("failed", "interrupted")):
            self._send(run, event.summary)

    def _send(self, run: Run, summary: RunSummary) -> None:
        from email.message import EmailMessage
        from smtplib import SMTP, SMTP_SSL

        message = EmailMessage()
        message["Subject"] = one_line(f"{summary.status}: {run.workflow.name} ({run.id})")
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        message.set_content(self._text(run, summary))
        make = SMTP_SSL if self.server.security == "tls" else SMTP
        with make(self.server.host, self.server.port, timeout=self.server.timeout) as connection:
            if self.server.security == "starttls":
                connection.starttls()
            if self.server.login is not None:
                connection.login(*self.server.login)
            connection.send_message(message)

    def _text(self, run: Run, summary: RunSummary) -> str:
        begun = summary.started or summary.created
        lines = [closing_line(summary, (summary.ended or begun) - begun), ""]
        lines += [f"{name} = {short(value, 200)}" for name, value in run.parameters.items()]
        for attempt in self._failed:
            lines += ["", failure_line(attempt, final=True)]
            if attempt.failure is not None:
                lines += [f"  {name} = {value}" for name, value in attempt.failure.arguments.items()]
                lines += ["", attempt.failure.traceback] if attempt.failure.traceback else []
        again = "" if summary.status == "succeeded" else f"\n  fairlead resume {run.id}"
        return "\n".join([*lines, "", f"On {run.host}:", f"  fairlead show {run.id}{again}", ""])
