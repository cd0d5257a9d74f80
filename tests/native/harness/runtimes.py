# SPDX-License-Identifier: Apache-2.0
"""Which of the bare runtimes to use."""

import shutil

from .cgroups import V2


def runtime() -> str:
    """crun is several times faster than runc, but refuses hybrid cgroups."""
    return "crun" if V2 and shutil.which("crun") else "runc"
