# SPDX-License-Identifier: Apache-2.0
"""Mounts, limits, devices, memory and libraries."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
from collections.abc import Iterator

import pytest

from harness import coverage
from harness.agent import Agent
from harness.bundle import Bundle
from harness.cgroups import control_files, hierarchies
from harness.checks import (
    ATTRIBUTION_SECONDS, event, is_still, mutations, settles)
from harness.coverage import Results
from harness.image import Tree
from harness.podman import podman
from harness.runtimes import runtime
from harness.environment import CASES, MOUNTS, latest, outcome, unreported
from harness.waiting import wait_for

MEMORY_MAX = 256 << 20
SECONDS = 20


@pytest.fixture(scope="session")
def sensors(agent: Agent) -> dict[str, dict]:
    report = json.loads(agent.run("doctor", "-o", "json"))
    return {row["sensor"]: row for row in report["sensors"]}


@pytest.fixture
def bundle(tmp_path: pathlib.Path, tree: Tree):
    with Bundle(tmp_path, tree) as container:
        yield container


@pytest.mark.parametrize("name", [n for n in CASES if CASES[n].kind])
@pytest.mark.parametrize("origin", ["exec", "workload"])
def test_change_is_reported(agent: Agent, bundle: Bundle, name: str,
                            origin: str, sensors: dict[str, dict],
                            results: Results) -> None:
    case = CASES[name]
    covered = sensors[case.sensor]["coverage"]
    after = latest(agent, bundle.id)
    (bundle.shell if origin == "exec" else bundle.work)(case.script)
    reported = outcome(agent, bundle.id, case, origin, after)
    results.add((case.kind,), reported, operation=name, way=origin)
    assert reported == covered, mutations(agent, bundle.id)
    if covered == coverage.NONE:
        return  # of which `doctor` says why
    rows = [row for row in agent.diff(bundle.id)["changes"]
            if row["path"] == case.path and case.kind in row["kinds"]]
    assert [row["verdict"] for row in rows] == ["violation"]
    assert agent.ps(bundle.id)["state"] == "mutated"


@pytest.mark.parametrize("name", [n for n in CASES if not CASES[n].kind])
def test_what_changes_nothing_is_not_reported(agent: Agent, bundle: Bundle,
                                              name: str) -> None:
    after = latest(agent, bundle.id)
    bundle.work(CASES[name].script)
    assert unreported(agent, bundle.id, after) == []


def test_mount_that_is_gone_again_is_restored(agent: Agent,
                                              bundle: Bundle) -> None:
    agent.ps(bundle.id)
    bundle.work("mutate mount_tmpfs /var")
    assert agent.ps(bundle.id)["state"] == "mutated"
    bundle.work("mutate umount /var")
    assert agent.ps(bundle.id)["state"] == "still"
    assert agent.diff(bundle.id)["ever_mutated"]
    row = agent.changes(bundle.id)["/var"]
    assert (row["class"], row["verdict"]) == (MOUNTS, "restored")


def _mount_namespace(container: Bundle) -> int:
    return os.stat(f"/proc/{container.pid}/ns/mnt").st_ino


def test_mounts_of_a_container_with_the_namespace_number_of_one_that_is_gone(
        agent: Agent, tmp_path: pathlib.Path, tree: Tree) -> None:
    """The cgroup of the one that is gone outlives its namespace."""
    with contextlib.ExitStack() as stack:
        gone = stack.enter_context(Bundle(tmp_path, tree))
        assert agent.ps(gone.id) is not None
        number = _mount_namespace(gone)
        os.kill(gone.pid, signal.SIGKILL)
        wait_for(lambda: not agent.ps(gone.id)["running"], SECONDS, "its end")
        for _ in range(20):
            successor = stack.enter_context(Bundle(tmp_path, tree))
            if _mount_namespace(successor) == number:
                break
        else:
            pytest.fail("the kernel gives out no number again")
        assert agent.ps(successor.id) is not None
        gone.remove()
        agent.ps(successor.id)  # the agent has heard of its cgroup's end
        successor.work("mutate mount_tmpfs /var")
        event(agent, successor.id, "mount_change")


def test_mount_is_reported_without_being_asked_for(agent: Agent,
                                                   bundle: Bundle) -> None:
    agent.ps(bundle.id)
    bundle.work("mutate mount_tmpfs /var")
    reported = event(agent, bundle.id, "mount_change")
    assert reported["path"] == "/var"


@pytest.fixture
def shared_mount(tmp_path: pathlib.Path) -> Iterator[pathlib.Path]:
    """A mount of the host's that passes on what is mounted on it."""
    place = tmp_path / "shared"
    (place / "sub").mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "shared", place], check=True)
    try:
        subprocess.run(["mount", "--make-shared", place], check=True)
        (place / "sub").mkdir()
        yield place
    finally:
        subprocess.run(["umount", "-R", place], check=True)


def test_mounts_of_the_host_on_a_volume_are_no_changes(
        agent: Agent, start, shared_mount: pathlib.Path) -> None:
    container = start(options=("-v", f"{shared_mount}:/host:rslave",
                               "--cap-add", "SYS_ADMIN"))
    settles(agent, container.name)
    subprocess.run(["mount", "-t", "tmpfs", "later", shared_mount / "sub"],
                   check=True)
    assert " /host/sub " in container.work("cat /proc/self/mountinfo").decode()
    container.work("mutate mount_tmpfs /var")

    def changed() -> set[str]:
        return {row["path"] for row in agent.diff(container.name)["changes"]
                if "mount_change" in row["kinds"]}

    # Found by a look at all mounts.
    wait_for(lambda: "/var" in changed(), SECONDS, "the mount is found")
    assert changed() == {"/var"}
    container.work("mutate mount_tmpfs /host/sub")
    wait_for(lambda: changed() == {"/host/sub", "/var"}, SECONDS,
             "what the container itself mounts there is found")


def test_mount_made_while_no_agent_ran_is_found(own_agent: Agent,
                                                bundle: Bundle) -> None:
    own_agent.start()
    own_agent.ps(bundle.id)
    own_agent.kill()
    bundle.work("mutate mount_tmpfs /var")
    own_agent.start()
    row = own_agent.changes(bundle.id)["/var"]
    assert (row["class"], row["verdict"]) == (MOUNTS, "violation")
    assert [a["origin"] for a in row["actors"]] == ["unattributed"]


def test_mount_made_before_the_agent_came_is_found(own_agent: Agent,
                                                  bundle: Bundle) -> None:
    bundle.work("mutate mount_tmpfs /var")
    own_agent.start()
    row = own_agent.changes(bundle.id)["/var"]
    assert (row["class"], row["verdict"]) == (MOUNTS, "violation")
    assert [a["origin"] for a in row["actors"]] == ["unattributed"]
    bundle.work("mutate umount /var")
    assert own_agent.ps(bundle.id)["state"] == "still"


@pytest.mark.parametrize("options", [
    (), ("--privileged",), ("-t",), ("--read-only",), ("--device", "/dev/null"),
    ("--tmpfs", "/new/t", "-v", "/sys:/data/tree:ro", "-v", "/usr:/new/u"),
], ids=lambda options: options[0] if options else "none")
def test_what_the_runtime_mounted_before_the_agent_came_is_no_change(
        own_agent: Agent, start, options: tuple[str, ...]) -> None:
    container = start(options=options)
    own_agent.start()
    rows = own_agent.changes(container.name)
    assert [r for r in rows.values() if r["class"] == MOUNTS] == []
    is_still(own_agent, container)


def _mount_number(container: Bundle, target: str) -> str:
    mounts = pathlib.Path(f"/proc/{container.pid}/mountinfo").read_text()
    return next(line.split()[0] for line in mounts.splitlines()
                if line.split()[4] == target)


def test_another_mount_with_the_number_of_the_former_is_found(
        agent: Agent, tmp_path: pathlib.Path, tree: Tree) -> None:
    volumes = {f"/{name}": tmp_path / name for name in ("good", "evil")}
    for source in volumes.values():
        source.mkdir()
    with Bundle(tmp_path, tree, volumes=volumes) as container:
        agent.ps(container.id)
        number = _mount_number(container, "/good")

        # The kernel gives the lowest that is free. Others mount, too.
        again = ("umount /good; mkdir -p /tmp/f; while :; do"
                 " mount -o bind /evil /good;"
                 " set -- $(grep ' /good ' /proc/self/mountinfo);"
                 f" [ $1 -ge {number} ] && break;"
                 " umount /good; mount -t tmpfs f /tmp/f; done;"
                 " while umount /tmp/f; do :; done; true")

        def has_the_number() -> bool:
            container.work(again)
            return _mount_number(container, "/good") == number

        wait_for(has_the_number, SECONDS, "the number again")
        assert agent.ps(container.id)["state"] == "mutated"
        row = agent.changes(container.id)["/good"]
        assert (row["class"], row["verdict"]) == (MOUNTS, "violation")


def test_mount_behind_many_others_is_found(own_agent: Agent,
                                           bundle: Bundle) -> None:
    own_agent.start()
    own_agent.ps(bundle.id)
    own_agent.kill()
    bundle.work("echo >/tmp/x; for i in $(seq 4200); do"
                " mount -o bind /bin/script /tmp/x; done;"
                " mutate mount_tmpfs /var")
    own_agent.start()
    row = own_agent.changes(bundle.id)["/var"]
    assert (row["class"], row["verdict"]) == (MOUNTS, "violation")


def _limits(agent: Agent, container: str) -> list[dict]:
    return [e for e in agent.events(container) if e["kind"] == "limit_change"]


def test_limit_set_by_podman_is_recorded_and_tolerated(
        agent: Agent, start, results: Results) -> None:
    container = start()
    agent.ps(container.id)
    podman("update", "--memory", str(MEMORY_MAX), container.name)
    reported = wait_for(lambda: _limits(agent, container.name),
                        ATTRIBUTION_SECONDS, "limit_change")
    memory = [e for e in reported if e["path"].startswith("memory.")]
    assert [e["detail"]["new"] for e in memory
            if e["path"] in ("memory.max", "memory.limit_in_bytes")
            ] == [str(MEMORY_MAX)]
    assert {e["verdict"] for e in reported} == {"allowed"}
    assert {(e["actor"]["origin"], e["actor"]["tool"], e["actor"]["comm"])
            for e in reported} == {("host", "podman", runtime())}
    assert {e["actor"]["ancestors"][-1] for e in reported} == {"podman"}
    results.add(("limit_change",), coverage.EVENTS, way="host")
    is_still(agent, container)
    rows = [row for row in agent.diff(container.name)["changes"]
            if row["class"] == "limits"]
    assert rows and {row["verdict"] for row in rows} == {"allowed"}


def test_same_value_again_is_no_change(agent: Agent, start) -> None:
    container = start(options=("--pids-limit", "100"))
    agent.ps(container.id)
    files = control_files(container.pid, "pids.max")
    assert files
    for file in files:
        file.write_text(file.read_text())
    agent.ps(container.id)
    assert _limits(agent, container.name) == []
    for file in files:
        file.write_text("200")
    reported = wait_for(lambda: _limits(agent, container.name),
                        ATTRIBUTION_SECONDS, "limit_change")
    assert [(e["path"], e["detail"]) for e in reported] == [
        ("pids.max", {"old": "100", "new": "200"})]


@contextlib.contextmanager
def _writer(file: pathlib.Path, value: str) -> Iterator[None]:
    """A shell that has written, and is there for as long as this is."""
    with subprocess.Popen(
            ["sh", "-c", f"echo {value} >{file}; echo; read wait"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as shell:
        shell.stdout.readline()
        yield


def test_limit_written_by_hand_has_whoever_wrote_it(agent: Agent,
                                                    start) -> None:
    container = start(options=("--pids-limit", "100"))
    agent.ps(container.id)
    file = control_files(container.pid, "pids.max")[0]
    with _writer(file, "200"):
        [seen] = wait_for(lambda: _limits(agent, container.name),
                          ATTRIBUTION_SECONDS, "limit_change")
    assert (seen["actor"]["origin"], seen["actor"]["tool"],
            seen["actor"]["comm"]) == ("host", "shell", "sh")
    assert seen["actor"]["ancestors"]


@pytest.mark.parametrize("origin", ["host", "exec"])
def test_who_wrote_a_limit_and_is_gone_is_known(agent: Agent, start,
                                                origin: str) -> None:
    """Nobody is there any more by the time that the agent may look."""
    container = start(options=("--pids-limit", "100", "--privileged",
                               "-v", "/sys/fs/cgroup:/cgroups"))
    agent.ps(container.id)
    file = control_files(container.pid, "pids.max")[0]
    agent.process.send_signal(signal.SIGSTOP)
    try:
        if origin == "exec":
            place = pathlib.Path("/cgroups", file.relative_to("/sys/fs/cgroup"))
            podman("exec", container.name, "sh", "-c", f"echo 200 >{place}")
        else:
            subprocess.run(["sh", "-c", f"echo 200 >{file}"], check=True)
    finally:
        agent.process.send_signal(signal.SIGCONT)
    [seen] = wait_for(lambda: _limits(agent, container.name),
                      ATTRIBUTION_SECONDS, "limit_change")
    assert (seen["actor"]["origin"], seen["actor"]["comm"]) == (origin, "sh")


def test_who_leaves_its_cgroup_to_write_a_limit_is_known(agent: Agent,
                                                         start) -> None:
    """It gives itself a login of somebody's, too."""
    container = start(options=("--pids-limit", "100", "--privileged",
                               "-v", "/sys/fs/cgroup:/cgroups"))
    agent.ps(container.id)
    file = control_files(container.pid, "pids.max")[0]
    place = pathlib.Path("/cgroups", file.relative_to("/sys/fs/cgroup"))
    leave = "".join(
        f"echo $$ >{pathlib.Path('/cgroups', top.relative_to('/sys/fs/cgroup'))}"
        "/cgroup.procs; " for top in hierarchies())
    script = (f"echo 1 >/proc/self/loginuid; {leave} echo 200 >{place}; echo; "
              "read wait")
    with subprocess.Popen(
            ["podman", "exec", "-i", container.name, "sh", "-c", script],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as within:
        within.stdout.readline()
        [seen] = wait_for(lambda: _limits(agent, container.name),
                          ATTRIBUTION_SECONDS, "limit_change")
    assert seen["actor"]["origin"] == "exec"
    assert "daemon" not in json.dumps(seen["actor"])
    assert seen["verdict"] == "violation"


# Only the last value is there to be seen: it may be either's. What is said is
# what is true of both, and a container's hand counts.
@pytest.mark.parametrize("origins", [("host", "host"), ("exec", "exec"),
                                     ("host", "exec"), ("exec", "host")])
def test_of_two_who_wrote_a_limit_none_is_named(
        agent: Agent, start, origins: tuple[str, str]) -> None:
    container = start(options=("--pids-limit", "100", "--privileged",
                               "-v", "/sys/fs/cgroup:/cgroups"))
    agent.ps(container.id)
    file = control_files(container.pid, "pids.max")[0]
    place = pathlib.Path("/cgroups", file.relative_to("/sys/fs/cgroup"))
    agent.process.send_signal(signal.SIGSTOP)
    try:
        for origin, value in zip(origins, ("200", "300")):
            if origin == "exec":
                container.shell(f"echo {value} >{place}")
            else:
                subprocess.run(["sh", "-c", f"echo {value} >{file}"],
                               check=True)
    finally:
        agent.process.send_signal(signal.SIGCONT)
    [seen] = wait_for(lambda: _limits(agent, container.name),
                      ATTRIBUTION_SECONDS, "limit_change")
    assert seen["detail"] == {"old": "100", "new": "300"}
    by_container = "exec" in origins
    assert seen["actor"]["origin"] == ("exec" if by_container else "host")
    assert seen["verdict"] == ("violation" if by_container else "allowed")
    if origins[0] == origins[1]:
        assert seen["actor"]["ambiguous"] and not seen["actor"]["pid"]


def test_limit_written_while_no_agent_ran_is_found(own_agent: Agent,
                                                   start) -> None:
    own_agent.start()
    container = start(options=("--pids-limit", "100"))
    own_agent.ps(container.id)
    own_agent.kill()
    for file in control_files(container.pid, "pids.max"):
        file.write_text("300")
    own_agent.start()
    own_agent.ps(container.id)
    row = own_agent.changes(container.name)["pids.max"]
    assert (row["class"], row["kinds"]) == ("limits", ["limit_change"])


DISK = "/new/disk"
# A RAM disk's number: whether there is one does not matter.
DISK_PATH = "/dev/block/1:0"


def _asked(agent: Agent, container: Bundle) -> set[str]:
    agent.ps(container.id)
    return {e["detail"]["access"] for e in agent.events(container.id)
            if e["kind"] == "device_access" and e["path"] == DISK_PATH}


def test_disk_is_reported(agent: Agent, bundle: Bundle, results: Results) -> None:
    agent.ps(bundle.id)
    bundle.work(f"mutate device_make {DISK} 1 0")
    reported = event(agent, bundle.id, "device_access")
    assert (reported["class"], reported["path"]) == ("kernel", DISK_PATH)
    assert reported["actor"]["origin"] == "workload"
    results.add(("device_access",), coverage.EVENTS, way="workload")
    # The container may make nodes; to write through them is refused.
    bundle.work(f"! mutate device_write {DISK}")
    assert _asked(agent, bundle) == {"mknod"}

    rules = control_files(bundle.pid, "devices.allow")
    if not rules:
        return  # cgroup v2: rules are a program
    for file in rules:
        file.write_text("b 1:0 rw")
    bundle.work(f"mutate device_read {DISK}; true")
    assert _asked(agent, bundle) == {"mknod"}
    bundle.work(f"mutate device_write {DISK}; true")
    wait_for(lambda: _asked(agent, bundle) == {"mknod", "write"},
             ATTRIBUTION_SECONDS, "the write")


def test_usual_devices_are_not_reported(agent: Agent, bundle: Bundle) -> None:
    agent.ps(bundle.id)
    bundle.work("mutate mknod_char /new/null; echo >/new/null;"
                " cat /new/null /dev/null; echo >/dev/null")
    agent.ps(bundle.id)
    assert [e for e in mutations(agent, bundle.id)
            if e["class"] == "kernel"] == []
