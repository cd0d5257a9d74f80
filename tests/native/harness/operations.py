# SPDX-License-Identifier: Apache-2.0
"""The ways of changing a container, and what each must be recorded as."""

import dataclasses
import shlex

from .image import Tree, xattr

# What there is before the operation: in the image, or made by the same hand.
(FILE, PAIR, LINK, ABSOLUTE_LINK, DIRECTORY, EMPTY, NOTHING, DIRECTORIES,
 MIXED) = (
    "file", "pair", "link", "absolute link", "directory", "empty", "nothing",
    "directories", "directory and file"
)
# A file that no operation changes, for those that copy.
SOURCE = "/data/named"


@dataclasses.dataclass(frozen=True)
class Operation:
    """`mutate` with these arguments, {f} standing for the operation's own path.

    `image` and `new` say what must be recorded for a path of the image and for
    one made before: by path suffix, the letter that podman prints (None: no
    line) and the kinds of which at least one must be named. `image` None: the
    operation makes something, so it has no such twin.
    """

    name: str
    arguments: str
    before: str
    image: dict[str, tuple[str | None, tuple[str, ...]]] | None
    new: dict[str, tuple[str | None, tuple[str, ...]]] | None
    id: str = ""

    @property
    def case(self) -> str:
        return self.id or self.name


def _change(name: str, *kinds: str, arguments: str = "{f}", before: str = FILE,
            letter: str | None = "C", case: str = "") -> Operation:
    """An operation that leaves its path in place."""
    return Operation(name, arguments, before, {"": (letter, kinds)},
                     {"": ("A", kinds)}, case)


def _make(name: str, *kinds: str, arguments: str = "{f}",
          case: str = "") -> Operation:
    """An operation that makes its path."""
    return Operation(name, arguments, NOTHING, None, {"": ("A", kinds)}, case)


def _open_only(name: str) -> Operation:
    return Operation(name, "{f}", FILE, {"": ("C", ("copy_up",))},
                     {"": ("A", ("file_create",))})


_GONE = (None, ())
_TRUNCATED = ("file_truncate",)
_WRITTEN = ("file_write",)
_RENAMED = ("file_rename",)

FAMILIES: dict[str, list[Operation]] = {
    "files": [
        _open_only("open_wronly"),
        _open_only("open_rdwr"),
        _change("o_trunc", *_TRUNCATED),
        _make("create", "file_create"),
        _change("truncate", *_TRUNCATED),
        _change("ftruncate", *_TRUNCATED),
        _change("write", *_WRITTEN),
        _change("append", *_WRITTEN),
        _change("pwrite", *_WRITTEN),
        _change("writev", *_WRITTEN),
        _change("pwritev2", *_WRITTEN),
        _change("fallocate_punch", *_WRITTEN),
        _change("fallocate_zero", *_WRITTEN),
        _change("fallocate_collapse", *_WRITTEN),
        _change("direct_write", *_WRITTEN),
        _change("aio_write", *_WRITTEN),
        _change("proc_fd_reopen", *_WRITTEN),
        _change("open_by_handle", *_WRITTEN),
    ],
    "transfers": [
        _change("splice", *_WRITTEN),
        _change("vmsplice", *_WRITTEN),
        _change("tee", *_WRITTEN),
        _change("sendfile", *_WRITTEN, arguments="{source} {f}"),
        _change("copy_file_range", *_WRITTEN, arguments="{source} {f}"),
        _change("ficlone", *_WRITTEN, arguments="{source} {f}"),
    ],
    "mappings": [
        _change("mmap_store", *_WRITTEN),
        _change("mmap_read_store", *_WRITTEN),
        _change("mmap_mprotect", *_WRITTEN),
        _change("mmap_populate", *_WRITTEN),
        _change("mmap_read_into", *_WRITTEN),
        _change("madvise_remove", *_WRITTEN),
    ],
    "metadata": [
        _change("chmod", "mode_change"),
        _change("chmod", "mode_change", before=DIRECTORY, case="chmod_dir"),
        _change("fchmod", "mode_change"),
        _change("fchmodat2", "mode_change"),
        _change("chown", "owner_change"),
        # Podman compares a directory's mode and time only.
        _change("chown", "owner_change", before=DIRECTORY, letter=None,
                case="chown_dir"),
        _change("lchown", "owner_change", before=LINK),
        # Podman looks for the link's target on the host, finds nothing there,
        # and takes the link for a new one.
        _change("lchown", "owner_change", before=ABSOLUTE_LINK, letter="A",
                case="lchown_absolute"),
        _change("fchown", "owner_change"),
        _change("utimensat", "time_change"),
        _change("setxattr_user", "xattr_change"),
        Operation("removexattr_user", "{f}", FILE,
                  {"": ("C", ("xattr_change",))}, None),
        _change("setxattr_capability", "xattr_change"),
        _change("setxattrat", "xattr_change"),
        _change("set_acl", "acl_change"),
        _change("setflags_noatime", "flags_change"),
        _change("setflags_immutable", "flags_change"),
    ],
    "entries": [
        Operation("rename", "{f} {f}.to", FILE,
                  {"": ("D", ("file_rename", "file_delete")),
                   ".to": ("A", _RENAMED)},
                  {"": _GONE, ".to": ("A", _RENAMED)}),
        _change("rename_over", "file_rename", "file_write"),
        Operation("rename_exchange", "{f} {f}.b", PAIR,
                  {"": ("C", _RENAMED), ".b": ("C", _RENAMED)},
                  {"": ("A", _RENAMED), ".b": ("A", _RENAMED)}),
        # Overlay moves no directory of the image.
        Operation("rename_exchange", "{f} {f}.b", DIRECTORIES, None,
                  {"": ("A", _RENAMED), ".b": ("A", _RENAMED)},
                  "exchange_directories"),
        Operation("rename_exchange", "{f} {f}.b", MIXED, None,
                  {"": ("A", _RENAMED), ".b": ("A", _RENAMED)},
                  "exchange_directory_and_file"),
        Operation("rename_twice", "{f} {f}.over {f}.to", FILE,
                  {"": ("D", ("file_rename", "file_delete")),
                   ".over": _GONE, ".to": ("A", _RENAMED)},
                  {"": _GONE, ".over": _GONE, ".to": ("A", _RENAMED)}),
        Operation("unlink", "{f}", FILE, {"": ("D", ("file_delete",))},
                  {"": _GONE}),
        Operation("rmdir", "{f}", EMPTY, {"": ("D", ("dir_delete",))},
                  {"": _GONE}),
        _make("mkdir", "dir_create"),
        Operation("remove_tree", "{f}", DIRECTORY,
                  {"": ("D", ("dir_delete",))}, {"": _GONE}),
        Operation("opaque_dir", "{f}", DIRECTORY,
                  {"": ("D", ("dir_delete", "dir_create"))},
                  {"": ("A", ("dir_create",))}),
        Operation("link", "{f} {f}.link", FILE,
                  {"": ("C", ("copy_up", "file_link")),
                   ".link": ("A", ("file_link",))},
                  {"": ("A", ("file_create",)),
                   ".link": ("A", ("file_link",))}),
        _make("symlink", "file_create", arguments="/data/named {f}"),
        _change("symlink_swap", "file_rename", "file_write", before=LINK,
                arguments="../big {f}"),
        _make("o_tmpfile_link", "file_create", "file_link",
              arguments="{directory} {f}"),
        _make("mkfifo", "file_create", "device_create"),
        _make("mknod_char", "device_create"),
        _make("mknod_file", "file_create"),
        _make("bind_socket", "file_create", "device_create"),
    ],
    "uring": [
        _change("uring_write", *_WRITTEN),
        _change("uring_write_sqpoll", *_WRITTEN),
        _change("uring_write_async", *_WRITTEN),
        _make("uring_create", "file_create"),
        _open_only("uring_open_wronly"),
        _change("uring_fallocate", *_WRITTEN),
        Operation("uring_rename", "{f} {f}.to", FILE,
                  {"": ("D", ("file_rename", "file_delete")),
                   ".to": ("A", ("file_rename", "file_create"))},
                  {"": _GONE,
                   ".to": ("A", ("file_rename", "file_create"))}),
        Operation("uring_unlink", "{f}", FILE,
                  {"": ("D", ("file_delete",))}, {"": _GONE}),
        _make("uring_mkdir", "dir_create"),
        _make("uring_symlink", "file_create", arguments="/data/named {f}"),
        Operation("uring_link", "{f} {f}.link", FILE,
                  {"": ("C", ("copy_up", "file_link")),
                   ".link": ("A", ("file_link", "file_create"))},
                  {"": ("A", ("file_create",)),
                   ".link": ("A", ("file_link", "file_create"))}),
    ],
}

IMAGE, NEW = "image", "new"


def directory(family: str, target: str) -> str:
    return f"/data/{family}" if target == IMAGE else f"/new/{family}"


def path(family: str, target: str, operation: Operation) -> str:
    return f"{directory(family, target)}/{operation.case}"


def expectations(operation: Operation, target: str):
    return operation.image if target == IMAGE else operation.new


def add_to(tree: Tree) -> None:
    """Puts what the operations change into an image."""
    for family, operations in FAMILIES.items():
        tree.directory(directory(family, IMAGE))
        tree.directory(directory(family, NEW))
        for operation in operations:
            if operation.image is not None:
                _add_one(tree, path(family, IMAGE, operation), operation.before)


def _add_one(tree: Tree, name: str, before: str) -> None:
    if before in (FILE, PAIR):
        tree.file(name, **xattr("user.image", "kept"))
    if before == PAIR:
        tree.file(name + ".b", b"the other\n")
    if before == LINK:
        tree.symlink(name, "../named")
    if before == ABSOLUTE_LINK:
        tree.symlink(name, SOURCE)
    if before in (DIRECTORY, EMPTY):
        tree.directory(name)
    if before == DIRECTORY:
        tree.file(name + "/child")


_PREPARE = {
    FILE: "dd if=/dev/zero of={f} bs=4096 count=4 2>/dev/null",
    PAIR: "dd if=/dev/zero of={f} bs=4096 count=4 2>/dev/null;"
          " echo b >{f}.b",
    LINK: "ln -s ../named {f}",
    ABSOLUTE_LINK: "ln -s /data/named {f}",
    DIRECTORY: "mkdir {f}; echo child >{f}/child",
    EMPTY: "mkdir {f}",
    DIRECTORIES: "mkdir {f} {f}.b; echo child >{f}/child",
    MIXED: "mkdir {f}; echo b >{f}.b",
    NOTHING: ":",
}


def _places(family: str, target: str, operation: Operation, root: str,
            source: str | None) -> dict[str, str]:
    return {
        "f": shlex.quote(root + path(family, target, operation)),
        "directory": shlex.quote(root + directory(family, target)),
        "source": shlex.quote(source or root + SOURCE),
    }


def preparation(family: str, root: str = "", source: str | None = None) -> str:
    """A shell script that makes what a family's operations on new files change.

    Run on its own: two changes of an inode within one tick of the clock are one
    event of the upper filesystem.
    """
    lines = [f"mkdir -p {root}{directory(family, NEW)}"]
    for operation in FAMILIES[family]:
        if expectations(operation, NEW) is not None:
            places = _places(family, NEW, operation, root, source)
            lines.append(_PREPARE[operation.before].format(**places))
    return "\n".join(lines) + "\n"


def script(family: str, targets: tuple[str, ...], root: str = "",
           mutate: str = "mutate", source: str | None = None) -> str:
    """A shell script that runs a family; each prints TARGET CASE EXIT-CODE.

    `root` comes before every path: "" inside the container, else where the
    host sees the container's root or upper directory. `source` is the file that
    copies are made from: the one in the container's root if not given.
    """
    lines = []
    for target in targets:
        for operation in FAMILIES[family]:
            if expectations(operation, target) is None:
                continue
            places = _places(family, target, operation, root, source)
            arguments = operation.arguments.format(**places)
            lines.append(f"{mutate} {operation.name} {arguments}")
            lines.append(f'echo "{target} {operation.case} $?"')
    return "\n".join(lines) + "\n"
