# SPDX-License-Identifier: Apache-2.0
"""Real shells on a terminal of their own, to press the tab key in."""

import os
import pathlib
import pty
import select
import subprocess

from . import agent as agents
from .waiting import wait_for

PROMPT = "ready> "
# Ctrl-X p writes the line as it stands to a file.
START = {
    "bash": (("bash", "--noprofile", "--rcfile", "{home}/bashrc", "-i"),
             "bashrc", """
PS1='ready> '
source <(stillframe completion bash)
_show() { printf %s "$READLINE_LINE" >"$SHOWN.new" && mv "$SHOWN.new" "$SHOWN"; }
bind -x '"\\C-xp": _show'
bind 'set enable-bracketed-paste off'
"""),
    "zsh": (("zsh", "-d", "-i"), ".zshrc", """
PS1='ready> '
unsetopt zle_bracketed_paste prompt_sp
autoload -Uz compinit && compinit -u -D
source <(stillframe completion zsh)
_show() { print -rn -- "$BUFFER" >"$SHOWN.new" && mv "$SHOWN.new" "$SHOWN" }
zle -N _show
bindkey '^Xp' _show
"""),
    "fish": (("fish", "--private", "-i"), ".config/fish/config.fish", """
set -U fish_greeting
function fish_prompt; printf 'ready> '; end
stillframe completion fish | source
function _show; commandline -b >$SHOWN.new; and mv $SHOWN.new $SHOWN; end
bind \\cxp _show
"""),
}


class Shell:
    """One that has loaded the completion of `stillframe`."""

    def __init__(self, name: str, home: pathlib.Path) -> None:
        command, file, text = START[name]
        self.shown = home / "shown"
        (home / "bin").mkdir()
        (home / "bin/stillframe").symlink_to(agents.binary())
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / file).write_text(text)
        self.terminal, end = pty.openpty()
        self.output = b""
        self.process = subprocess.Popen(
            ["setsid", "--ctty", *(part.format(home=home) for part in command)],
            stdin=end, stdout=end, stderr=end, cwd=home,
            env={"HOME": str(home), "ZDOTDIR": str(home), "TERM": "xterm",
                 "PATH": f"{home}/bin:{os.environ['PATH']}",
                 "SHOWN": str(self.shown), "LC_ALL": "C.UTF-8"},
        )
        os.close(end)
        wait_for(lambda: PROMPT.encode() in self._read(), 60,
                 f"a prompt of {name}")

    def _read(self) -> bytes:
        """All that it has printed."""
        while select.select([self.terminal], [], [], 0)[0]:
            self.output += os.read(self.terminal, 65536)
        return self.output

    def complete(self, line: str) -> str:
        """What becomes of the line when the tab key is pressed."""
        self.shown.unlink(missing_ok=True)
        os.write(self.terminal, line.encode() + b"\t\x18p")

        def is_shown() -> bool:
            self._read()
            return self.shown.exists()

        wait_for(is_shown, 30, f"{line} completed; {self.output[-2000:]!r}")
        os.write(self.terminal, b"\x15")
        return self.shown.read_text().rstrip("\n")

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.terminal)
