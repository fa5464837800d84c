"""The process that submits jobs to a Ray cluster and asks for them, with a line of JSON for each question.

It has the environment that Ray's client wants, which nobody else's process needs to have.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

__all__ = ["Jobs", "main"]

_LINES = 20
"""Of the end of a job's log, as its last words."""


class Jobs:
    """Answers questions with Ray's client, which is made for the first one."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: Any = None

    def answer(self, question: dict[str, Any]) -> dict[str, Any]:
        """Give what is to be told; of whatever Ray raises, the words."""
        try:
            if self._client is None:
                self._client = _client(self._url)
            return self._submit(question) if question["do"] == "submit" else self._look(question["id"])
        except Exception as error:  # noqa: BLE001  # it is told to who asks, who decides
            return {"error": f"{type(error).__name__}: {error}".strip()}

    def _submit(self, question: dict[str, Any]) -> dict[str, Any]:
        name = question["id"]
        known = {job.submission_id: job.status for job in self._client.list_jobs()}
        if name in known:
            if not known[name].is_terminal():
                return {}
            # It ended without taking the run up: what stood in its way may be gone.
            self._client.delete_job(name)
        try:
            self._client.submit_job(
                entrypoint=question["entrypoint"],
                submission_id=name,
                runtime_env=question["runtime_env"],
                metadata=question["metadata"],
            )
        except (RuntimeError, ValueError) as error:
            if "already exists" not in str(error):
                raise
        return {}

    def _look(self, name: str) -> dict[str, Any]:
        found = self._client.get_job_info(name)
        if not found.status.is_terminal():
            return {"said": None}
        lines = self._client.get_job_logs(name).strip().splitlines()[-_LINES:]
        return {"said": "\n".join(lines) or f"{found.status.value}: {found.message or 'no word'}"}


def _client(url: str) -> Any:
    try:
        from ray.job_submission import JobSubmissionClient

        return JobSubmissionClient(url)
    except (ImportError, RuntimeError) as error:
        if isinstance(error, ImportError) or "ray[default]" in str(error):
            raise ImportError(f"detach: job needs ray[default]: pip install 'ray[default]' ({error})") from error
        raise


def main() -> None:
    """Answer lines of standard input until it ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what Ray prints is no answer
    jobs = Jobs(sys.argv[1])
    for line in sys.stdin:
        answers.write(json.dumps(jobs.answer(json.loads(line))) + "\n")
        answers.flush()
