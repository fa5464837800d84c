"""The one name that a module has in every process, also when it was started as a script.

Looks at what this process has loaded; imports nothing and opens nothing.
"""

from __future__ import annotations

import sys

__all__ = ["canonical_module", "script_module"]


def canonical_module(module: str) -> str:
    """Name a module as another process can import it: `__main__` of `jobs.py` is `jobs`.

    A session without a file (a notebook, a REPL) stays `__main__`.
    """
    if module not in ("__main__", "__mp_main__"):
        return module
    main = sys.modules.get("__main__")
    spec = getattr(main, "__spec__", None)
    if spec is not None:
        return str(spec.name)
    file = getattr(main, "__file__", None)
    return script_module(file) if file else "__main__"


def script_module(file: str) -> str:
    """Name the module that a script is when it is imported.

    A script that is called like a module of the standard library, or like another one that is
    loaded already, cannot take that name from it.
    """
    name = file.replace("\\", "/").rpartition("/")[2].removesuffix(".py").replace(".", "_")
    while name in sys.stdlib_module_names or getattr(sys.modules.get(name), "__file__", file) != file:
        name = f"{name}__script"
    return name
