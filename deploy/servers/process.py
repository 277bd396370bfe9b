# SPDX-License-Identifier: EUPL-1.2
"""One server as a process: start until it answers, stop, kill, and never touch a process that is not ours."""

from __future__ import annotations

import os
import signal
import subprocess
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import wait

if TYPE_CHECKING:
    from .lab import Lab

START_TIMEOUT = 60.0
STOP_TIMEOUT = 15.0
PORT_TIMEOUT = 3.0


class ServerError(Exception):
    """A server does not do what it should; the text shows what it said last."""


@dataclass(frozen=True)
class Process:
    """An entry of /proc. Pid and start time together name a process for good."""

    pid: int
    parent: int
    session: int
    started: int
    zombie: bool

    @classmethod
    def read(cls, pid: int) -> Process | None:
        try:
            text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return None
        rest = text.rpartition(")")[2].split()
        return cls(pid, int(rest[1]), int(rest[3]), int(rest[19]), rest[0] in "ZX")

    @classmethod
    def all(cls) -> list[Process]:
        found = (cls.read(int(entry)) for entry in os.listdir("/proc") if entry.isdigit())
        return [process for process in found if process is not None]

    def alive(self) -> bool:
        now = Process.read(self.pid)
        return now is not None and now.started == self.started and not now.zombie

    def signal(self, number: signal.Signals) -> None:
        if self.alive():
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass


class Server(ABC):
    """What all servers of a lab have in common. State below `directory`, output in `directory`/output.log."""

    name: str

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.directory = lab.state / self.name
        self._pid_file = lab.state / "pids" / self.name
        self._child: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def ports(self) -> list[int]:
        """Ports it listens on."""

    @abstractmethod
    def prepare(self) -> None:
        """Writes the configuration; called before each start."""

    @abstractmethod
    def command(self) -> list[str]:
        """The command that runs in the foreground."""

    @abstractmethod
    def ready(self) -> bool:
        """Whether it serves its clients."""

    def logs(self) -> list[Path]:
        """Files worth showing when something is wrong."""
        return [self.directory / "output.log"]

    def environment(self) -> dict[str, str]:
        return {}

    def main(self) -> Process | None:
        """The running main process, also one that another run of the program started."""
        if self._child is not None:
            self._child.poll()
        try:
            pid, started = (int(word) for word in self._pid_file.read_text(encoding="utf-8").split())
        except (OSError, ValueError):
            return None
        process = Process.read(pid)
        return process if process and process.started == started and not process.zombie else None

    def running(self) -> bool:
        return self.main() is not None

    def start(self) -> None:
        """Starts the server and returns when it answers. Does nothing when it runs."""
        if self.running():
            return
        self._end_leftovers()
        for port in self.ports():
            # A killed process with many threads lets its sockets go a little after it is dead.
            if not wait.until(partial(wait.port_free, port), PORT_TIMEOUT):
                raise ServerError(f"{self.name}: port {port} is taken by another program")
        self.directory.mkdir(parents=True, exist_ok=True)
        self.prepare()
        self._spawn()
        ended = False

        def done() -> bool:
            nonlocal ended
            ended = not self.running()
            return ended or self.ready()

        if not wait.until(done, START_TIMEOUT) or ended:
            why = "ended at once" if ended else f"does not answer after {START_TIMEOUT:.0f} s"
            self.kill()
            raise ServerError(f"{self.name} {why}\n{self.last_words()}")

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for what is left after a while."""
        main = self.main()
        if main is None:
            self._end_leftovers()
            return
        family = self._family(main)
        main.signal(signal.SIGTERM)
        wait.until(lambda: not self.running(), STOP_TIMEOUT)
        self._end(family)

    def kill(self) -> None:
        """kill -9 of the server with all its helpers, as a power cut would."""
        main = self.main()
        if main is None:
            self._end_leftovers()
            return
        family = self._family(main)
        if family:
            # It must not make new helpers while the old ones are ended.
            main.signal(signal.SIGSTOP)
            family += self._family(main)
        self._end([main, *family])

    def restart(self) -> None:
        self.stop()
        self.start()

    def last_words(self, lines: int = 25) -> str:
        parts = []
        for path in self.logs():
            if path.exists():
                tail = path.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:]
                parts.append("\n".join([f"--- {path}", *tail]))
        return "\n".join(parts)

    def _spawn(self) -> None:
        with open(self.directory / "output.log", "ab") as output:
            self._child = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                env={**os.environ, **self.environment()},
                start_new_session=True,
            )
        process = Process.read(self._child.pid)
        if process is None:
            raise ServerError(f"{self.name} did not start\n{self.last_words()}")
        self._pid_file.parent.mkdir(parents=True, exist_ok=True)
        self._pid_file.write_text(f"{process.pid} {process.started}\n", encoding="utf-8")

    def _family(self, main: Process) -> list[Process]:
        """Descendants and members of the session that we made for the server."""
        everyone = Process.all()
        pids = {main.pid}
        grew = True
        while grew:
            more = {p.pid for p in everyone if p.pid not in pids and (p.parent in pids or p.session == main.pid)}
            pids |= more
            grew = bool(more)
        return [p for p in everyone if p.pid in pids and p.pid != main.pid]

    def _end(self, processes: list[Process]) -> None:
        """The main process had its time: the rest goes now."""
        main = self.main()
        for process in [*([main] if main else []), *processes]:
            process.signal(signal.SIGKILL)

        def gone() -> bool:
            if self._child is not None and self._child.poll() is None:
                return False
            return not any(process.alive() for process in processes) and not self.running()

        if not wait.until(gone, STOP_TIMEOUT):
            raise ServerError(f"{self.name} does not end")
        self._pid_file.unlink(missing_ok=True)

    def _end_leftovers(self) -> None:
        """Helpers that outlived a main process which died by itself."""
        try:
            pid, started = (int(word) for word in self._pid_file.read_text(encoding="utf-8").split())
        except (OSError, ValueError):
            return
        if Process.read(pid) is None or self._child is not None:
            self._end([p for p in Process.all() if p.session == pid and p.started >= started])
        self._pid_file.unlink(missing_ok=True)
