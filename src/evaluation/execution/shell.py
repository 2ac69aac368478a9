"""Runs the cells of a notebook in this process, on an IPython shell without the kernel protocol.

Outputs are recorded as nbformat outputs, the same that an ordinary kernel and nbclient would leave: execution
counts, display data and their updates, results, streams, errors, magics, top-level ``await``. Not supported,
as in any unattended run: widgets and ``input()``; and text that a C library prints, which goes to the job's
log. Neighbouring pieces of one stream are one output, standard output before standard error.

Belongs here: one notebook in one process that is thrown away afterwards. Does not belong here: how the
process is made (`evaluation.execution.kernels`), what becomes of the notebook (`evaluation.execution.job`).
"""

from __future__ import annotations

import asyncio
import base64
import builtins
import contextlib
import io
import json
import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn, cast

import matplotlib
from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.error import StdinNotImplementedError
from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_output
from papermill.engines import Engine, NotebookExecutionManager
from papermill.iorw import write_ipynb
from traitlets import Type
from traitlets.config import Config

from evaluation.execution.seeds import seed_generators

INLINE_BACKEND = "module://matplotlib_inline.backend_inline"
KEEP_GOING_TAG = "raises-exception"
SKIP_TAG = "skip-execution"
STREAM_ORDER = ("stdout", "stderr")


class OutputRecorder:
    """Collects what the running cell shows, as nbformat outputs."""

    def __init__(self) -> None:
        self.outputs: list[NotebookNode] = []
        self._shown: dict[str, list[NotebookNode]] = {}
        self._clear_before_next = False

    def begin(self, outputs: list[NotebookNode]) -> None:
        """Send everything from now on to the outputs of another cell."""
        self.outputs = outputs
        self._clear_before_next = False

    def stream(self, name: str, text: str) -> None:
        """Add text to a stream."""
        if text:
            self._clear_if_due()
            add_stream(self.outputs, name, text)

    def display(self, data: Mapping[str, Any], metadata: Mapping[str, Any], display_id: str | None) -> None:
        """Add something displayed; an earlier display of the same name changes with it."""
        content = {"data": as_json(data), "metadata": as_json(metadata)}
        self._add(from_dict({"output_type": "display_data", **content}), display_id)

    def update(self, data: Mapping[str, Any], metadata: Mapping[str, Any], display_id: str | None) -> None:
        """Change what was displayed under a name, in whichever cell."""
        for output in self._shown.get(display_id or "", []):
            output["data"] = NotebookNode(as_json(data))
            output["metadata"] = NotebookNode(as_json(metadata))

    def result(self, data: Mapping[str, Any], metadata: Mapping[str, Any], execution_count: int) -> None:
        """Add the value of a cell's last expression."""
        content = {"data": as_json(data), "metadata": as_json(metadata)}
        output = {"output_type": "execute_result", "execution_count": execution_count, **content}
        self._add(from_dict(output), None)

    def error(self, name: str, value: str, traceback: list[str]) -> None:
        """Add an exception."""
        self._add(new_output("error", ename=name, evalue=value, traceback=traceback), None)

    def clear(self, *, wait: bool) -> None:
        """Drop the cell's outputs, now or when the next one arrives."""
        self._clear_before_next = wait
        if not wait:
            self.outputs.clear()

    def _add(self, output: NotebookNode, display_id: str | None) -> None:
        self._clear_if_due()
        if display_id:
            self.update(output["data"], output["metadata"], display_id)
            self._shown.setdefault(display_id, []).append(output)
        self.outputs.append(output)

    def _clear_if_due(self) -> None:
        if self._clear_before_next:
            self.outputs.clear()
            self._clear_before_next = False


def add_stream(outputs: list[NotebookNode], name: str, text: str) -> None:
    """Append text to the outputs' last run of streams, one output a stream, standard output first."""
    start = len(outputs)
    while start and outputs[start - 1]["output_type"] == "stream":
        start -= 1
    for output in outputs[start:]:
        if output["name"] == name:
            output["text"] += text
            return
    outputs.append(new_output("stream", name=name, text=text))
    outputs[start:] = sorted(outputs[start:], key=lambda output: STREAM_ORDER.index(output["name"]))


def merge_streams(notebook: NotebookNode) -> None:
    """Give a notebook run by an ordinary kernel the stream outputs that this module records."""
    for cell in notebook.cells:
        pieces = cell.get("outputs", [])
        merged: list[NotebookNode] = []
        for output in pieces:
            if output["output_type"] == "stream":
                add_stream(merged, output["name"], output["text"])
            else:
                merged.append(output)
        if pieces:
            cell["outputs"] = merged


def as_json(value: Any) -> Any:
    """Return display data as JSON values; bytes become base64, as the kernel protocol sends them."""
    if isinstance(value, bytes):
        return base64.encodebytes(value).decode("ascii").replace("\n", "") + "\n"
    if isinstance(value, Mapping):
        return {str(key): as_json(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [as_json(item) for item in value]
    return value


class RecordedStream(io.TextIOBase):
    """A text stream whose text becomes outputs."""

    def __init__(self, name: str, recorder: OutputRecorder) -> None:
        super().__init__()
        self.name = name
        self._recorder = recorder

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """The encoding that an ordinary kernel states."""
        return "UTF-8"

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, text: str) -> int:
        """Record text."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text)}")
        self._recorder.stream(self.name, text)
        return len(text)

    def fileno(self) -> int:
        """Return the process's own stream, for child processes that print."""
        return 1 if self.name == "stdout" else 2


class _RecordingPublisher(DisplayPublisher):
    """Hands displays to the shell's recorder."""

    def publish(  # type: ignore[override]
        self,
        data: Mapping[str, Any],
        metadata: Mapping[str, Any] | None = None,
        *,
        transient: Mapping[str, Any] | None = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        recorder: OutputRecorder = cast(NotebookShell, self.shell).recorder
        add = recorder.update if update else recorder.display
        add(data, metadata or {}, (transient or {}).get("display_id"))

    def clear_output(self, wait: bool = False) -> None:
        cast(NotebookShell, self.shell).recorder.clear(wait=wait)


class _RecordingHook(DisplayHook):
    """Hands the value of a cell's last expression to the shell's recorder."""

    def write_output_prompt(self) -> None:
        """Print no prompt: the notebook numbers its results."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        cast(NotebookShell, self.shell).recorder.result(format_dict, md_dict or {}, self.prompt_count)

    def finish_displayhook(self) -> None:
        self._is_active = False


class NotebookShell(InteractiveShell):
    """An IPython shell that records instead of printing."""

    display_pub_class = Type(_RecordingPublisher)
    displayhook_class = Type(_RecordingHook)

    def __init__(self, **options: Any) -> None:
        self.recorder = OutputRecorder()
        super().__init__(**options)

    def enable_gui(self, gui: str | None = None) -> None:
        """Do nothing: figures are shown inline."""

    def _showtraceback(self, etype: type, evalue: BaseException | None, stb: list[str]) -> None:
        self._last_traceback = stb
        self.recorder.error(str(etype.__name__), str(evalue), stb)


def start_shell(*, profile_dir: Path, seed: int) -> NotebookShell:
    """Return this process's one shell, ready for a notebook.

    Parameters
    ----------
    profile_dir
        A folder of this process alone: the user's own IPython settings take no part.
    seed
        For the global generators of `random` and NumPy, which forked processes would otherwise share.
    """
    os.environ["MPLBACKEND"] = INLINE_BACKEND
    matplotlib.rcParams["backend"] = INLINE_BACKEND
    os.environ["IPYTHONDIR"] = str(profile_dir)
    settings = Config()
    settings.HistoryManager.enabled = False
    shell = NotebookShell.instance(config=settings, ipython_dir=str(profile_dir))
    shell.set_hook("show_in_pager", _show_nothing, 99)
    if "" not in sys.path:
        sys.path.insert(0, "")
    seed_generators(seed)
    return shell


def _show_nothing(*_: Any, **__: Any) -> None:
    """Drop what would go to a pager, as nbclient does."""


def _refuse_input(prompt: str = "") -> NoReturn:
    raise StdinNotImplementedError("raw_input was called, but this frontend does not support input requests.")


class InProcessEngine(Engine):
    """A papermill engine that runs the cells in this very process. For processes used once."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        *,
        profile_dir: Path,
        seed: int,
        save_to: Path,
        **_: Any,
    ) -> None:
        """Run all cells up to the first exception; something is left in a file however that ends."""
        # for a process that dies at once; what is saved for a reader later is checked, too
        save_to.write_text(json.dumps(nb_man.nb, ensure_ascii=False), encoding="utf-8")
        finished = False
        try:
            run_cells(nb_man, start_shell(profile_dir=profile_dir, seed=seed))
            finished = True
        finally:
            if not finished:
                write_ipynb(nb_man.nb, str(save_to))


def run_cells(nb_man: NotebookExecutionManager, shell: NotebookShell) -> None:
    """Run the cells in order, and stop at the first that raises."""
    recorder = shell.recorder
    with (
        contextlib.redirect_stdout(RecordedStream("stdout", recorder)),
        contextlib.redirect_stderr(RecordedStream("stderr", recorder)),
        _without_input(),
    ):
        # One loop for the whole notebook, running while cells run, as in a kernel: tasks outlive their cell.
        asyncio.run(_run_all(nb_man, shell))
    nb_man.nb.metadata["language_info"] = language_info()


@contextlib.contextmanager
def _without_input() -> Any:
    original = builtins.input
    builtins.input = _refuse_input  # type: ignore[assignment]
    try:
        yield
    finally:
        builtins.input = original


async def _run_all(nb_man: NotebookExecutionManager, shell: NotebookShell) -> None:
    for index, cell in enumerate(nb_man.nb.cells):
        nb_man.cell_start(cell, index)
        try:
            if is_executable(cell) and not await _run_cell(cell, shell):
                nb_man.cell_exception(cell, index)
                break
        finally:
            nb_man.cell_complete(cell, cell_index=index)


def is_executable(cell: NotebookNode) -> bool:
    """Return whether a cell is code that is to be run."""
    return (
        cell.cell_type == "code"
        and bool(cell.source.strip())
        and SKIP_TAG not in cell.metadata.get("tags", [])
    )


async def _run_cell(cell: NotebookNode, shell: NotebookShell) -> bool:
    """Run one cell; return whether the notebook may go on."""
    cell.outputs = []
    cell.execution_count = shell.execution_count
    shell.recorder.begin(cell.outputs)
    result = await _run_code(cell.source, shell)
    failed = not result.success or any(output["output_type"] == "error" for output in cell.outputs)
    return not failed or KEEP_GOING_TAG in cell.metadata.get("tags", [])


async def _run_code(source: str, shell: NotebookShell) -> Any:
    """Run source with the events that an ordinary kernel sends; figures are drawn after a cell."""
    result = None
    transformed, problem = source, None
    try:
        transformed = shell.transform_cell(source)
    except SyntaxError:
        problem = sys.exc_info()
    try:
        result = await shell.run_cell_async(
            source, store_history=True, transformed_cell=transformed, preprocessing_exc_tuple=problem
        )
    finally:
        shell.events.trigger("post_execute")
        shell.events.trigger("post_run_cell", result)
    return result


def language_info() -> dict[str, Any]:
    """Return what an ordinary kernel says of its language."""
    return {
        "codemirror_mode": {"name": "ipython", "version": sys.version_info.major},
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
        "version": platform.python_version(),
    }
