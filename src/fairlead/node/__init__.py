"""One way to run a task, wherever it runs: load, call, store, record."""
