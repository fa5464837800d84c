"""One kernel for one attempt: started, told every cell, asked for variables, and ended with all it started.

Talks to the kernel in a thread of its own, so that whatever interrupts the task meets no event loop.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Iterable, Mapping
from contextvars import copy_context
from pathlib import Path
from time import monotonic
from typing import Any

from jupyter_client.kernelspec import KernelSpecManager, NoSuchKernel
from nbclient import NotebookClient
from nbclient.util import ensure_async

from fairlead.errors import FairleadError
from fairlead.tasks.sessions import session_lives, signal_session
from fairlead.tasks.streams import Stream

__all__ = ["Kernel"]

_LOOK = 0.1
"""Seconds between two looks whether the thread has ended, when nothing interrupts."""
_STARTUP = 120
"""Seconds that a kernel has to start."""
_LONGEST = 90
"""Characters of a socket's path; the system takes about a hundred."""
_POLITE = 3.0
"""Seconds that a kernel has to end when it is asked to."""
_GRACE = 1.0
"""Seconds between SIGTERM and SIGKILL, for what does not end."""


class _Client(NotebookClient):  # type: ignore[misc]  # known by shape only
    """A client that passes on what cells write, as they write it."""

    streams: Mapping[str, Stream] = {}

    def output(self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        """Pass it on, and keep it in the notebook."""
        kind, content = msg["msg_type"], msg["content"]
        if kind == "stream":
            self._pass_on(content.get("name", "stdout"), content.get("text", ""))
        elif kind in {"display_data", "execute_result"}:
            data = content.get("data", {})
            text = data.get("text/plain", "")
            if not any(mime.startswith("image/") for mime in data):  # of a picture, the text says what class it is
                self._pass_on("stdout", f"{text if isinstance(text, str) else ''.join(text)}\n")
        return super().output(outs, msg, display_id, cell_index)

    def _pass_on(self, name: str, text: str) -> None:
        stream = self.streams.get(name) or self.streams["stdout"]
        stream.feed(text.encode("utf-8", "surrogatepass"))


class Kernel:
    """A kernel that runs one notebook, which is changed in place."""

    def __init__(self, notebook: Any, name: str, folder: Path, secrets: Mapping[str, str], *, sockets: bool) -> None:
        """`folder`: where the kernel's own output goes; `sockets`: it is spoken to by sockets there, not by ports."""
        self.notebook = notebook
        self.at = -1
        """Index of the cell that runs, or ran last."""
        self.said = folder / "kernel.log"
        self._sockets = folder / "kernel" if sockets and len(str(folder)) < _LONGEST else None
        self._name = name
        self._secrets = secrets
        self._pid = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._work: asyncio.Task[None] | None = None
        self._error: BaseException | None = None

    def run(self, last: str) -> None:
        """Run all cells, and then the code `last`, which leaves no trace in the notebook.

        Raises what nbclient raises. Nothing of the kernel is left when this comes back or raises.
        """
        streams = {name: Stream(name, self._secrets.values()) for name in ("stdout", "stderr")}
        thread = threading.Thread(
            target=copy_context().run, args=(self._in_thread, last, streams), name="fairlead-kernel", daemon=True
        )
        thread.start()
        try:
            while thread.is_alive():
                thread.join(_LOOK)
        except BaseException:
            self._interrupt(thread)
            raise
        finally:
            for stream in streams.values():
                stream.end()
            self._bury()
        if self._error is not None:
            raise self._error

    def _interrupt(self, thread: threading.Thread) -> None:
        """End the kernel at once; another interruption on the way leaves it to SIGKILL."""
        if self._pid:
            signal_session(self._pid, signal.SIGTERM)
        if self._loop is not None and self._work is not None:
            self._loop.call_soon_threadsafe(self._work.cancel)
        thread.join(_GRACE)

    def _bury(self) -> None:
        """See to it that nothing of the kernel's session is left."""
        if self._pid and session_lives(self._pid):
            signal_session(self._pid, signal.SIGKILL)

    # --- in the thread ----------------------------------------------------------------------------

    def _in_thread(self, last: str, streams: Mapping[str, Stream]) -> None:
        try:
            asyncio.run(self._run(last, streams))
        except BaseException as error:  # noqa: BLE001  # raised where the task is
            self._error = error

    async def _run(self, last: str, streams: Mapping[str, Stream]) -> None:
        self._loop, self._work = asyncio.get_running_loop(), asyncio.current_task()
        client: Any = _Client(
            self.notebook,
            kernel_name=self._name,
            timeout=None,
            startup_timeout=_STARTUP,
            iopub_timeout=60,
            record_timing=False,
        )
        client.streams = streams
        client.reset_execution_trackers()
        manager = client.create_kernel_manager()
        if self._sockets is not None:
            # Ports are chosen before the kernel takes them, and another kernel may be faster.
            manager.transport, manager.ip = "ipc", str(self._sockets)
            manager.connection_file = f"{self._sockets}.json"
        with self.said.open("wb") as said:
            try:
                await client.async_start_new_kernel(cwd=str(Path.cwd()), env=self._environ(), stdout=said, stderr=said)
            except NoSuchKernel as error:
                raise FairleadError(_no_kernel(self._name)) from error
        self._pid = getattr(manager.provisioner, "pid", 0) or 0
        try:
            await client.async_start_new_kernel_client()
            reply = await client.async_wait_for_reply(await ensure_async(client.kc.kernel_info()))
            self.notebook.metadata["language_info"] = reply["content"]["language_info"]
            for index, cell in enumerate(self.notebook.cells):
                self.at = index
                await client.async_execute_cell(cell, index, execution_count=client.code_cells_executed + 1)
            client.set_widgets_metadata()
            if last:
                await self._tell(client, last)
        finally:
            await self._let_go(client, manager)

    async def _tell(self, client: Any, code: str) -> None:
        """Have code run without a cell; raises FairleadError when it fails."""
        reply = await client.async_wait_for_reply(
            await ensure_async(client.kc.execute(code, silent=True, store_history=False, stop_on_error=False))
        )
        content = reply["content"] if reply else {"status": "error", "evalue": "the kernel did not answer"}
        if content["status"] != "ok":
            raise FairleadError(f"its outputs cannot be read: {content.get('ename', '')} {content.get('evalue', '')}")

    async def _let_go(self, client: Any, manager: Any) -> None:
        """End the kernel, politely first, and close what was opened for it."""
        until = monotonic() + _POLITE
        try:
            if await ensure_async(manager.is_alive()):
                manager.shutdown_wait_time = _POLITE
                await ensure_async(manager.shutdown_kernel(now=False))
        finally:
            if monotonic() > until:
                self._bury()
            if client.kc is not None:
                client.kc.stop_channels()
            await ensure_async(manager.cleanup_resources())

    def _environ(self) -> dict[str, str]:
        """Give this process's environment with the secrets; modules of the project are found as tasks find them."""
        library = os.path.dirname(os.__file__)  # noqa: PTH120 - pathlib is a slow import
        own = [
            str(Path(entry).absolute())
            for entry in sys.path
            if entry and not entry.endswith(".zip") and "-packages" not in entry and not entry.startswith(library)
        ]
        path = os.pathsep.join([*own, *filter(None, [os.environ.get("PYTHONPATH")])])
        return {**os.environ, "PYTHONPATH": path, **self._secrets}


def _no_kernel(name: str) -> str:
    known: Iterable[str] = sorted(KernelSpecManager().find_kernel_specs())
    listed = ", ".join(known) or "none"
    return f"no kernel {name!r} on this machine; there is: {listed}; install it, or give kernel='…'"
