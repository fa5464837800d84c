"""Telling observers what happens, from a thread of its own: one that fails or hangs harms no run."""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence

from fairlead.model.notices import Notice
from fairlead.model.run import Run
from fairlead.ports import Observer

__all__ = ["Bulletin"]

_PATIENCE = 5.0
"""Seconds that observers get at the end of a run to hear the rest."""


class Bulletin:
    """Hands notices to the observers of one run, in order."""

    def __init__(self, run: Run, observers: Sequence[Observer]) -> None:
        self._run = run
        self._observers = list(observers)
        self._queue: queue.SimpleQueue[Notice | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name=f"fairlead-observers-{run.id}", daemon=True)
        self._thread.start()

    def tell(self, notice: Notice) -> None:
        """Hand a notice on; comes back at once."""
        self._queue.put(notice)

    def close(self) -> None:
        """Let the observers hear the rest, for a few seconds."""
        self._queue.put(None)
        self._thread.join(_PATIENCE)

    def _work(self) -> None:
        while (notice := self._queue.get()) is not None:
            for observer in list(self._observers):
                try:
                    observer.notify(self._run, notice)
                except Exception:
                    import logging

                    said = "observer %r failed and is told nothing more in run %s"
                    logging.getLogger("fairlead").exception(said, observer, self._run.id)
                    self._observers.remove(observer)
