"""Retries and time limits: try again what may work the next time, and end what takes too long."""

import time

from fairlead import Pipeline, PythonTask, current_run


def connect():
    """Refused twice, as services are that have just been started."""
    attempt = current_run().attempt
    if attempt <= 2:
        raise ConnectionError(f"attempt {attempt} was refused")
    session = f"session of attempt {attempt}"
    return session


def download(session):
    """Hangs the first time, as downloads do."""
    if current_run().attempt == 1:
        time.sleep(60)
    size = len(session)
    return size


retries = Pipeline(
    [
        PythonTask(connect, retries=3, retry_delay=0.05),
        PythonTask(download, retries=1, timeout=0.5),
    ],
    name="retries",
)
