# SPDX-License-Identifier: Apache-2.0
"""Archives in the one format that the kernel unpacks at boot (cpio, newc)."""

import stat


class Archive:
    """Files that the kernel finds in its first root filesystem."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._inode = 0

    def directory(self, path: str) -> None:
        self._add(path, stat.S_IFDIR | 0o755, b"")

    def file(self, path: str, content: bytes, mode: int = 0o644) -> None:
        self._add(path, stat.S_IFREG | mode, content)

    def symlink(self, path: str, target: str) -> None:
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def device(self, path: str, major: int, minor: int) -> None:
        self._add(path, stat.S_IFCHR | 0o600, b"", (major, minor))

    def _add(self, path: str, mode: int, content: bytes,
             device: tuple[int, int] = (0, 0)) -> None:
        self._inode += 1
        name = path.encode() + b"\0"
        # inode, mode, uid, gid, links, mtime, size, device, rdev, name, check
        fields = (self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, *device,
                  len(name), 0)
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        self._parts.append(_padded(header + name) + _padded(content))

    def bytes(self) -> bytes:
        self._add("TRAILER!!!", 0, b"")
        return b"".join(self._parts)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)
