# SPDX-License-Identifier: Apache-2.0
"""Programs that run although the image does not hold them so."""

# What runs them, and the kind that must be reported. /ctl is a volume.
CASES = {
    "new binary": ("cp /bin/busybox /new/sh; /new/sh -c true", "exec_new"),
    "changed binary": ("echo >>/bin/mutate; mutate --help", "exec_changed"),
    "memfd": ("mutate exec_memfd /bin/busybox true", "exec_memfd"),
    "deleted": ("mutate exec_deleted /bin/busybox /new/busybox true",
                "exec_deleted"),
    "volume": ("cp /bin/busybox /ctl/busybox; /ctl/busybox true",
               "exec_volume"),
    "changed script": ("echo true >>/bin/script; /bin/script",
                       "script_changed"),
}
IMAGE_PROGRAMS = "busybox true; /bin/script; /bin/setuid; mutate --help"
