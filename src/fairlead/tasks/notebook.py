"""Tasks that are notebooks: parameters go in, a real kernel runs the cells, variables come out.

What a kernel is told is in `notebook_languages`, how it is run in `notebook_kernel`; neither is loaded,
nor anything of Jupyter, unless a notebook runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fairlead.errors import FairleadError, NotebookFailed
from fairlead.leftovers import OwnFolder
from fairlead.model.task import LEFT_OUT, TaskDefinition
from fairlead.ports import Current

if TYPE_CHECKING:
    from fairlead.tasks.notebook_kernel import Kernel
    from fairlead.tasks.notebook_languages import Language

__all__ = ["NotebookKind"]

_INJECTED = "injected-parameters"
_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
_LINE = re.compile(r"Cell In ?\[(\d+)\](?:, line (\d+))?")
_TAIL = 2000


class NotebookKind:
    """Runs notebooks in kernels of their own, one per attempt."""

    def run(
        self,
        task: TaskDefinition,
        function: Callable[..., Any] | None,  # noqa: ARG002  # a notebook is none
        inputs: Mapping[str, Any],
        current: Current,
    ) -> Any:
        """Run the notebook with its inputs, keep it as the artifact `notebook`, and give its outputs."""
        from fairlead.tasks.notebook_languages import assignments

        nbformat = _library()
        name = Path(task.settings["path"]).name
        given = {key: value for key, value in inputs.items() if value is not LEFT_OUT}
        secrets = {key: current.secret(key) for key in task.secrets}
        wanted = task.settings["outputs"]
        language = _language(task, name, bool(given or wanted))
        notebook = nbformat.from_dict(_whole(task))
        numbers = _numbered(notebook)
        with OwnFolder("notebook") as folder:
            if given and language is not None:
                numbers = _inject(nbformat, notebook, assignments(language, given, folder), numbers)
            from fairlead.tasks.notebook_kernel import Kernel

            exact = language is not None and language.gives == "pickle"
            kernel = Kernel(notebook, task.sources[0].text or "python3", folder, secrets, sockets=exact)
            try:
                _execute(
                    kernel, language.give(wanted, str(folder)) if wanted and language is not None else "", name, numbers
                )
            except BaseException as error:
                try:
                    _keep(nbformat, notebook, folder / name, current, secrets)
                except Exception as worse:  # noqa: BLE001  # the error of the cell is the one to be told
                    error.add_note(f"the executed notebook could not be kept: {worse}")
                raise
            _keep(nbformat, notebook, folder / name, current, secrets)
            return _outputs(wanted, folder, name, gives=language.gives if language is not None else "json")


def _library() -> Any:
    try:
        import ipykernel  # noqa: F401 - whether it is there
        import nbclient  # noqa: F401 - whether it is there
        import nbformat
    except ImportError as error:
        raise FairleadError(
            f"notebooks need {error.name!r}, which is not installed: pip install 'fairlead[notebook]'"
        ) from error
    return nbformat


def _language(task: TaskDefinition, name: str, needed: bool) -> Language | None:
    from fairlead.tasks.notebook_languages import LANGUAGES

    language = next((source.language for source in task.sources if source.language), "python")
    known = LANGUAGES.get(language)
    if known is None and needed:
        raise FairleadError(
            f"{name} is in {language!r}, which can be given no parameters and asked for no outputs; "
            f"known: {', '.join(LANGUAGES)}; use files instead"
        )
    return known


def _whole(task: TaskDefinition) -> dict[str, Any]:
    """Put the notebook together again: the code cells are the task's sources, in order."""
    whole: dict[str, Any] = {**task.settings["notebook"]}
    texts = iter(source.text for source in task.sources[1:])
    whole["cells"] = [
        {**cell, "source": next(texts), "outputs": [], "execution_count": None}
        if cell.get("cell_type") == "code"
        else cell
        for cell in whole["cells"]
    ]
    return whole


def _numbered(notebook: Any) -> list[str]:
    """Say what each cell is called: code cells are counted as their author does."""
    count = 0
    names = []
    for cell in notebook.cells:
        count += cell.cell_type == "code"
        names.append(f"cell {count}" if cell.cell_type == "code" else "")
    return names


def _inject(nbformat: Any, notebook: Any, code: str, numbers: list[str]) -> list[str]:
    """Put the parameters behind the cell that has their defaults, or first; papermill's convention."""
    tagged = (
        index for index, cell in enumerate(notebook.cells) if "parameters" in cell.get("metadata", {}).get("tags", [])
    )
    at = next(tagged, -1) + 1
    cell = nbformat.v4.new_code_cell(code, metadata={"tags": [_INJECTED]})
    if (notebook.nbformat, notebook.nbformat_minor) < (4, 5):
        cell.pop("id", None)
    notebook.cells.insert(at, cell)
    return [*numbers[:at], _INJECTED, *numbers[at:]]


def _execute(kernel: Kernel, last: str, name: str, numbers: Sequence[str]) -> None:
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    try:
        kernel.run(last)
    except CellExecutionError as error:
        raise _failed_cell(kernel, error, name, numbers) from None
    except (DeadKernelError, RuntimeError, TimeoutError) as error:
        tail = kernel.said.read_text("utf-8", "replace")[-_TAIL:].strip() if kernel.said.exists() else ""
        where = f"in {numbers[kernel.at]} of {name}" if kernel.at >= 0 else f"before the first cell of {name}"
        said = f"the kernel went away {where}: {error}" + (f"\n{tail}" if tail else "")
        place = (f"{name}, {numbers[kernel.at]}", 1) if kernel.at >= 0 else None
        raise NotebookFailed(said, type="DeadKernelError", place=place) from None


def _failed_cell(kernel: Kernel, error: Any, name: str, numbers: Sequence[str]) -> NotebookFailed:
    """Tell the exception of a cell as that of a Python task is told: its type, its words, the author's lines."""
    cells = kernel.notebook.cells
    counts = {
        cell.execution_count: number
        for cell, number in zip(cells, numbers, strict=True)
        if cell.cell_type == "code" and cell.execution_count is not None
    }
    shown = next((out for out in cells[kernel.at].outputs if out.output_type == "error"), None)
    lines = list(shown.traceback) if shown is not None else str(error.traceback).splitlines()
    text = _ANSI.sub("", "\n".join(lines)).strip()
    text = re.sub(r"^-{20,}\n", "", text)
    places = [(found[1], int(found[2] or 1)) for found in _LINE.finditer(text) if int(found[1]) in counts]
    if places:
        where, line = f"{name}, {counts[int(places[-1][0])]}", places[-1][1]
    else:
        where, line = f"{name}, {numbers[kernel.at]}", 1

    def renamed(found: re.Match[str]) -> str:
        cell = counts.get(int(found[1]))
        return found[0] if cell is None else f"{name}, {cell}" + (f", line {found[2]}" if found[2] else "")

    return NotebookFailed(
        _ANSI.sub("", str(error.evalue)), type=str(error.ename), traceback=_LINE.sub(renamed, text), place=(where, line)
    )


def _keep(nbformat: Any, notebook: Any, file: Path, current: Current, secrets: Mapping[str, str]) -> None:
    """Keep the notebook with what its cells gave, without the secrets."""
    import json

    from fairlead.model.masks import Mask

    text = nbformat.writes(notebook)
    masks = Mask([*secrets.values(), *(json.dumps(secret)[1:-1] for secret in secrets.values())])
    file.write_bytes(masks.all(text.encode("utf-8", "surrogatepass")))
    current.log_artifact("notebook", file)


def _outputs(wanted: Sequence[str], folder: Path, name: str, *, gives: str) -> Any:
    """Read what the kernel has written, a file for each output."""
    import json

    if not wanted:
        return None
    said: dict[str, Any] = json.loads((folder / "said").read_text("utf-8")) if gives == "pickle" else {}
    problems, values = [], []
    for position, one in enumerate(wanted):
        file = folder / f"out{position}"
        if file.exists():
            values.append(_value(file, one, name, gives))
        elif one in said and said[one][0] == "unstorable":
            problems.append(f"{one!r} cannot leave the kernel: {said[one][1]}")
        else:
            problems.append(f"{name} sets no {one!r}{_nearest(one, said)}")
    if problems:
        raise NotebookFailed("; ".join(problems), type="NotebookFailed")
    return values[0] if len(values) == 1 else tuple(values)


def _nearest(name: str, said: Mapping[str, Any]) -> str:
    import difflib

    close = difflib.get_close_matches(name, said[name][1], n=1) if name in said else []
    return f" (nearest: {close[0]!r})" if close else ""


def _value(file: Path, output: str, name: str, gives: str) -> Any:
    import json
    import pickle

    data = file.read_bytes()
    if gives == "pickle":
        try:
            return pickle.loads(data)
        except Exception as error:
            raise NotebookFailed(f"{output!r} of {name} cannot be read here: {error}", type="NotebookFailed") from error
    text = data.decode("utf-8", "replace")
    return text if gives == "text" else json.loads(text)
