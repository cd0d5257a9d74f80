# SPDX-License-Identifier: Apache-2.0
"""One run of a machine: its processes, its output, its end."""

import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from typing import IO

from . import initramfs, qemu
from .kernels import Kernel
from .options import Options

NO_STATUS = 125
COMPLAINED = 123
TIMED_OUT = 124
# From QEMU's start to the first word of the guest, where KVM is used: a machine
# that has not come up by then never will.
_KVM_BOOT_SECONDS = 30
_CONSOLE_LINES = 40
_CHUNK = 1 << 16


class Session:
    """A machine that is up within a `with` block, and gone after it."""

    def __init__(self, kernel: Kernel, options: Options, kvm: bool) -> None:
        self._kernel = kernel
        self._options = options
        self._kvm = kvm
        self._children: list[subprocess.Popen] = []
        self._work = pathlib.Path()
        self._status = b""

    def __enter__(self) -> "Session":
        # Not in /tmp, which is often memory: the disk lies there.
        base = os.environ.get("TMPDIR", "/var/tmp")
        self._work = pathlib.Path(tempfile.mkdtemp(prefix="stillframe-vm-",
                                                   dir=base))
        try:
            self._start()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def booted(self) -> bool:
        return b"booted\n" in self._status

    def _start(self) -> None:
        work = self._work
        (work / "initramfs").write_bytes(
            initramfs.build(self._kernel, self._options))
        qemu.make_disk(self._options, work)
        (work / "console").touch()
        for port in ("stdout", "stderr", "status"):
            os.mkfifo(work / port)
        for tag, path in qemu.shares(self._options).items():
            # Listening before anybody asks: nobody has to wait for anybody.
            with socket.socket(socket.AF_UNIX) as listener:
                listener.bind(str(work / f"{tag}.socket"))
                listener.listen(1)
                self._spawn(qemu.virtiofsd(tag, path, listener.fileno()),
                            listener.fileno())
        self._pipes = {
            name: open(os.open(work / name, os.O_RDONLY | os.O_NONBLOCK), "rb",
                       buffering=0)
            for name in ("stdout", "stderr", "status")
        }
        self._machine = self._spawn(
            qemu.command(self._kernel, self._options, work, self._kvm))

    def _spawn(self, command: list[str], *kept: int) -> subprocess.Popen:
        # A process group of its own: Ctrl-C comes to us, and we end them.
        with open(self._work / "errors", "ab") as errors:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                     stdout=errors, stderr=errors,
                                     process_group=0, pass_fds=kept)
        self._children.append(child)
        return child

    def _errors(self) -> str:
        return (self._work / "errors").read_text(errors="replace")[-2000:]

    def run(self) -> int:
        """Passes output on until the command's end; the exit code."""
        began = time.monotonic()
        deadline = began + self._options.timeout
        console = open(self._work / "console", "rb")
        with selectors.DefaultSelector() as selector, console:
            for name, pipe in self._pipes.items():
                selector.register(pipe, selectors.EVENT_READ, name)
            while True:
                for key, _ in selector.select(0.1):
                    self._pass_on(key.data, key.fileobj)
                if self._options.console:
                    sys.stderr.buffer.write(console.read())
                    sys.stderr.buffer.flush()
                if self._exit_code() is not None:
                    return self._finished()
                ended = self._machine.poll() is not None
                now = time.monotonic()
                if self._kvm and not self.booted and (
                        ended or now > began + _KVM_BOOT_SECONDS):
                    return NO_STATUS
                if ended:
                    self._drain()
                    if self._exit_code() is not None:
                        return self._finished()
                    self._complain("the machine ended without an exit code")
                    return NO_STATUS
                if now > deadline:
                    self._complain(f"not done after {self._options.timeout:g} s")
                    return TIMED_OUT

    def _pass_on(self, name: str, pipe: IO[bytes]) -> bool:
        try:
            data = os.read(pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return False
        if name == "status":
            self._status += data
        elif data:
            stream = getattr(sys, name).buffer
            stream.write(data)
            stream.flush()
        return bool(data)

    def _drain(self) -> None:
        for name, pipe in self._pipes.items():
            while self._pass_on(name, pipe):
                pass

    def _finished(self) -> int:
        # All that the command printed is in the pipes: each write of the guest
        # waits until QEMU has passed it on.
        self._drain()
        code = self._exit_code()
        if code == NO_STATUS and not self._kvm:
            self._complain("the guest could not run the command, or the command"
                           f" ended with {NO_STATUS}")
        complaints = re.findall(r"^complaint (.*)$",
                                self._status.decode(errors="replace"), re.M)
        for complaint in complaints:
            print(f"vm: kernel {self._kernel.release}: {complaint}",
                  file=sys.stderr)
        return COMPLAINED if complaints and code == 0 else code

    def _exit_code(self) -> int | None:
        """The command's, the guest's last word."""
        said = re.search(rb"^exit (\d+)\n", self._status, re.M)
        return int(said[1]) if said else None

    def _complain(self, what: str) -> None:
        lines = (self._work / "console").read_text(errors="replace").splitlines()
        sys.stderr.write(f"vm: kernel {self._kernel.release}: {what}\n")
        errors = self._errors()
        if errors:
            sys.stderr.write(f"vm: QEMU or virtiofsd said: {errors}\n")
        sys.stderr.write("vm: the console's last lines:\n")
        for line in lines[-_CONSOLE_LINES:]:
            sys.stderr.write(f"  {line}\n")
        sys.stderr.flush()

    def _end(self) -> None:
        # The machine first: virtiofsd ends by itself when QEMU does.
        for child in reversed(self._children):
            if child.poll() is None:
                child.send_signal(signal.SIGKILL)
            child.wait()
            # virtiofsd may have children, all in its group.
            try:
                os.killpg(child.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        shutil.rmtree(self._work, ignore_errors=True)


def run(kernel: Kernel, options: Options) -> int:
    kvm = not options.icount and not options.tcg and qemu.has_kvm()
    with Session(kernel, options, kvm) as machine:
        code = machine.run()
        if not kvm or machine.booted:
            return code
    print("vm: the machine did not come up with KVM; emulating it",
          file=sys.stderr)
    with Session(kernel, options, kvm=False) as machine:
        return machine.run()
