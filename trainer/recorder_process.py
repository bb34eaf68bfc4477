"""The training process's end of the line to its recorder: starts it, sends to it, hears from it.

The recorder is a process of its own, so that neither statistics nor commits take the interpreter
away from the training loop; and when training dies, what was handed over is still written.
"""

import contextlib
import json
import logging
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TextIO, cast

from ..db.errors import RecorderLost, RecordingFailed, SetupProblem
from .plan import PLAN, Plan
from .ring import SharedMemory, Stretch

PROGRAM = [sys.executable, "-P", "-m", f"{__package__}.recorder"]
"""-P: what lies in the current folder is not imported in place of a library."""
logger = logging.getLogger(__name__)


class RecorderProcess:
    """A recorder, from its start to `finish`.

    Attributes:
        memory: What the ring lies in.
        run_id: The run it records; of a watched run only once it is known.
        committed: The latest step that is complete in the database.
    """

    def __init__(
        self,
        database: str,
        run_id: int | None = None,
        *,
        webhook: str = "",
        start: int | None = None,
        records: Path | None = None,
        on_status: Callable[[str], None] = lambda _: None,
        warn: Callable[[str], None] = logger.warning,
    ) -> None:
        """Start the process.

        Args:
            database: URL.
            run_id: The run; None for a watched run, which `send({"begin": …})` will store.
            webhook: Where word of a watched run is posted; "": nowhere.
            start: Which start of the run it is; it ends once there is another. None: nobody else
                trains it.
            records: Its file of the checkpoint that the run goes on from.
            on_status: Called with the run's status after each commit, from another thread.
            warn: Called with sentences for the person, likewise.

        Raises:
            SetupProblem: This system is none that it runs on.
        """
        if os.name == "nt":
            raise SetupProblem(
                "Recording needs Linux or macOS: on Windows, run shiftscope in WSL."
            )  # fmt: skip
        self.memory = SharedMemory()
        self.run_id = run_id
        self.committed = 0
        self._records = records
        self._kept: queue.SimpleQueue[tuple[str, bool] | None] = queue.SimpleQueue()
        self._on_status = on_status
        self._warn = warn
        self._known = threading.Event()
        self._error: str | None = None
        self._ended = threading.Event()
        self._free: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._hearing = threading.Thread(target=self._hear, name="recorder", daemon=True)
        self._process = subprocess.Popen(
            PROGRAM,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[self.memory.file],
            process_group=0,  # a terminal's Ctrl-C is not the recorder's
        )
        self._to = cast(TextIO, self._process.stdin)
        opened = {"database": database, "ring": self.memory.file, "run": run_id}
        self.send({"open": opened | {"webhook": webhook, "start": start}})
        self._hearing.start()

    @property
    def is_gone(self) -> bool:
        """Whether it ended early: no stretch will ever be free again."""
        return self._ended.is_set()

    def open(self, plan: Plan) -> list[Stretch]:
        """Send the plan and map the ring: its stretches, all of them free."""
        stretches = self.memory.open(plan)
        if self._records is not None:
            self.send({"resume": str(self._records)})
        self.send({"plan": PLAN.dump_python(plan, mode="json")})
        for stretch in stretches:
            self._free.put(stretch.index)
        return stretches

    def send(self, message: Mapping[str, Any]) -> None:
        """One message; a recorder that is gone hears nothing."""
        try:
            self._to.write(json.dumps(message) + "\n")
            self._to.flush()
        except (BrokenPipeError, ValueError):
            self._hearing.join(1)

    def take_free(self, *, wait: bool = True) -> int | None:
        """The index of an empty stretch; None where there is none, unless it is to `wait` for one.

        Raises:
            RecordingFailed: The recorder ended early.
        """
        try:
            index = self._free.get(block=wait)
        except queue.Empty:
            return None
        if index is None:
            self._free.put(None)
            raise self.failure()
        return index

    def wait_until_kept(self, mark: str) -> bool:
        """Whether it has written its part of the checkpoint that bears this mark.

        It could not, or it ended early. Of an earlier one, of which nobody waited for word, nobody
        wants it any longer.
        """
        while (answer := self._kept.get()) is not None:
            answered, is_kept = answer
            if answered == mark:
                return is_kept
        self._kept.put(None)
        return False

    def wait_for_run(self, timeout: float) -> int | None:
        """The number of a watched run, once the database has it."""
        self._known.wait(timeout)
        return self.run_id

    def finish(self, **end: Any) -> None:
        """Record what was handed over, commit it and end.

        Args:
            **end: Of a watched run its `status` and `error`.

        Raises:
            RecordingFailed: Something kept it from recording everything.
        """
        self.send({"finish": end})
        self.close()
        if self._process.wait() != 0 or self._error is not None:
            raise self.failure()

    def failure(self) -> RecordingFailed:
        """Why it ended early, as an error."""
        reason = self._reason()
        return RecordingFailed(reason) if self._error else RecorderLost(reason)

    def abandon(self) -> None:
        """In a forked process: let go of the pipe, which is the parent's alone."""
        self._process.returncode = 0  # not a child of this process
        with contextlib.suppress(OSError, ValueError):
            self._to.close()

    def close(self) -> None:
        """Hang up: the recorder commits what it has, and ends."""
        with contextlib.suppress(BrokenPipeError):
            self._to.close()
        self._hearing.join()
        self._process.wait()
        self.memory.close()

    def _hear(self) -> None:
        try:
            with cast(TextIO, self._process.stdout) as said:
                for line in said:
                    self._take(json.loads(line))
        finally:  # whatever happened, nobody waits for it any longer
            self._ended.set()  # before whoever waited asks whether it is gone
            self._known.set()
            self._free.put(None)
            self._kept.put(None)

    def _take(self, message: Mapping[str, Any]) -> None:
        match message:
            case {"free": index}:
                self._free.put(index)
            case {"kept": is_kept, "mark": mark}:
                self._kept.put((mark, is_kept))
            case {"run": number}:
                self.run_id = number
                self._known.set()
            case {"status": status, "step": step}:
                self.committed = step
                self._on_status(status)
            case {"warning": sentence}:
                self._warn(sentence)
            case {"error": sentence}:
                self._error = sentence

    def _reason(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)  # its pipe is closed a moment before it is gone
        code = self._process.poll()
        return self._error or (
            f"The recorder ended without a word (exit code {code}); the machine may be out of "
            "memory. What it had committed is kept."
        )
