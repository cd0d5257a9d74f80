# SPDX-License-Identifier: Apache-2.0
"""Policies on real containers: the shipped ones, and reloading."""

import dataclasses
import datetime
import hashlib
import json
import os
import pathlib
import signal
from collections.abc import Callable, Iterator

import pytest

from harness import image as images
from harness.agent import REPOSITORY, Agent, command_line
from harness.podman import Container
from harness.waiting import wait_for

SHIPPED = REPOSITORY / "packaging/policy"
SECONDS = 10


@pytest.fixture(scope="module")
def tree(mutate: pathlib.Path) -> images.Tree:
    """What stock images have, as far as their entrypoints touch it."""
    tree = images.base_tree(mutate)
    for path in ("app", "etc/nginx", "etc/nginx/conf.d", "home", "var/log",
                 "var/cache", "var/lib", "var/lib/dpkg", "var/lib/mysql"):
        tree.directory(path)
    tree.file("app/main.py", b"print('hello')\n")
    tree.file("etc/nginx/conf.d/default.conf", b"listen 80;\n")
    tree.file("etc/shadow", b"root:*:0:0:99999:7:::\n", 0o640)
    tree.file("etc/ld.so.cache", b"cache\n")
    tree.file("var/lib/dpkg/status", b"Package: base\n")
    return tree


@pytest.fixture(scope="module")
def stock(tree: images.Tree) -> Iterator[dict[str, str]]:
    """The same image under an own name and under that of the official nginx."""
    names = {"own": f"localhost/sfpol:{os.getpid()}",
             "nginx": f"docker.io/library/nginx:sfpol-{os.getpid()}"}
    content = tree.bytes()
    for name in names.values():
        images.import_bytes(name, content)
    yield names
    for name in names.values():
        images.remove_image(name)


@pytest.fixture
def run(stock: dict[str, str]) -> Iterator[Callable[..., Container]]:
    running: list[Container] = []

    def run_one(image: str = "own", **more) -> Container:
        container = Container(stock[image], **more)
        running.append(container)
        return container

    yield run_one
    for container in running:
        container.remove()


@pytest.fixture(scope="module", params=["default", "strict"])
def policed(request: pytest.FixtureRequest,
            tmp_path_factory: pytest.TempPathFactory
            ) -> Iterator[tuple[str, Agent]]:
    """An agent with one of the shipped policies."""
    with Agent(tmp_path_factory.mktemp(request.param)) as agent:
        agent.start("--policy", str(SHIPPED / f"{request.param}.yaml"))
        yield request.param, agent


@dataclasses.dataclass(frozen=True)
class Shape:
    """What an entrypoint does, and what of it default.yaml minds."""

    script: str
    minds: set[str] = dataclasses.field(default_factory=set)
    image: str = "own"
    session: bool = False  # done by an exec session, not by the workload


SHAPES = {
    "nginx templating, official image": Shape(
        "sed -i s/80/8080/ /etc/nginx/conf.d/default.conf", image="nginx"),
    "nginx templating, own image": Shape(
        "sed -i s/80/8080/ /etc/nginx/conf.d/default.conf",
        {"/etc/nginx/conf.d/default.conf"}),
    "log writer": Shape(
        "mkdir /var/log/app; echo started >>/var/log/app/app.log"),
    "log edited by a session": Shape(
        "echo nothing >/var/log/audit.log", {"/var/log/audit.log"},
        session=True),
    "python bytecode": Shape(
        "mkdir /app/__pycache__; cd /app/__pycache__;"
        " echo pyc >main.cpython-311.pyc.1;"
        " mv main.cpython-311.pyc.1 main.cpython-311.pyc"),
    "database without a volume": Shape(
        "echo rows >/var/lib/mysql/ibdata1", {"/var/lib/mysql/ibdata1"}),
    "native library unpacked and run": Shape(
        "mkdir /tmp/jna-1; cp /bin/busybox /tmp/jna-1/busybox;"
        " /tmp/jna-1/busybox true", {"/tmp/jna-1/busybox"}),
    "ldconfig": Shape(
        "echo new >/etc/ld.so.cache~; mv /etc/ld.so.cache~ /etc/ld.so.cache"),
    "adduser": Shape(
        "echo app:x:99:99::/:/bin/sh >>/etc/passwd; echo app:x:99: >>/etc/group;"
        " echo 'app:!:1::::::' >>/etc/shadow",
        {"/etc/passwd", "/etc/group", "/etc/shadow"}),
    "package install": Shape(
        "cp /bin/busybox /usr/bin/curl; echo Package: curl"
        " >>/var/lib/dpkg/status", {"/usr/bin/curl", "/var/lib/dpkg/status"}),
    "pid file and cache": Shape(
        "echo 1 >/run/app.pid; echo 1 >/var/lib/app.pid;"
        " echo made >/var/cache/made"),
    "a look around": Shape("echo ls >/root/.ash_history", session=True),
}


def violations(agent: Agent, container: Container) -> set[str]:
    """Violating paths, but for directories that follow their entries."""
    return {path for path, change in agent.changes(container.name).items()
            if change["verdict"] == "violation"
            and change["kinds"] != ["copy_up"]}


@pytest.mark.parametrize("name", SHAPES)
def test_entrypoint_shapes(policed: tuple[str, Agent], run, name: str) -> None:
    policy, agent = policed
    shape = SHAPES[name]
    container = run(shape.image)
    (container.shell if shape.session else container.work)(shape.script)
    if policy == "default":
        wait_for(lambda: violations(agent, container) == shape.minds, SECONDS,
                 f"{shape.minds}, not {violations(agent, container)}")
        row = agent.ps(container.id)
        assert row is not None
        assert row["state"] == ("mutated" if shape.minds else "still")
        diff = agent.diff(container.name)
        assert diff["ever_mutated"] == bool(shape.minds)
    else:
        # Nothing but /run, a tmpfs, is tolerated.
        wait_for(lambda: violations(agent, container), SECONDS, "violations")
        assert violations(agent, container) >= shape.minds
        assert {change["verdict"] for path, change
                in agent.changes(container.name).items()
                if not path.startswith(("/run", "/etc/mtab"))
                and change["verdict"] != "runtime"} == {"violation"}


ALLOWS = """\
version: 1
rules:
  - name: configured
    match: {{name: {name}}}
    allow:
      - {{class: content, path: /etc/app.conf}}
    reason: "tried"
"""


def send_hangup(agent: Agent) -> None:
    assert agent.process is not None
    agent.process.send_signal(signal.SIGHUP)


def state(agent: Agent, container: Container) -> str:
    row = agent.ps(container.id)
    assert row is not None
    return row["state"]


def kinds(agent: Agent) -> list[str]:
    return [e["kind"] for e in agent.events() if e["class"] == "agent"]


def metric(agent: Agent, name: str) -> float:
    return agent.metric(f"stillframe_policy_{name}")[""]


def test_hangup_reloads_and_judges_anew(own_agent: Agent, run,
                                        tmp_path: pathlib.Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\n")
    own_agent.start("--policy", str(policy))
    assert own_agent.process is not None
    pid = own_agent.process.pid
    container = run()
    container.work("echo tuned >/etc/app.conf")
    assert state(own_agent, container) == "mutated"

    policy.write_text(ALLOWS.format(name=container.name))
    send_hangup(own_agent)
    wait_for(lambda: state(own_agent, container) == "still", SECONDS,
             "the rule is in force")
    change = own_agent.changes(container.name)["/etc/app.conf"]
    assert (change["verdict"], change["rule"]) == ("allowed", "configured")
    assert own_agent.diff(container.name)["ever_mutated"]
    wait_for(lambda: metric(own_agent, "rules") == 1, SECONDS, "metric")
    loaded = metric(own_agent, "last_load_success_timestamp_seconds")
    assert metric(own_agent, "load_success") == 1
    assert kinds(own_agent).count("policy_loaded") == 2
    events = own_agent.events()
    latest = [e for e in events if e["kind"] == "policy_loaded"][-1]
    text = policy.read_bytes()
    assert latest["detail"]["sha256"] == hashlib.sha256(text).hexdigest()
    (judged,) = (e for e in events if e["kind"] == "judged_again")
    assert judged["container"]["id"] == container.id
    assert judged["detail"] == {"state_before": "mutated", "state": "still",
                                "mutated_paths_before": "1",
                                "mutated_paths": "0"}

    policy.write_text("version: 1\nrulez: []\n")
    send_hangup(own_agent)
    wait_for(lambda: metric(own_agent, "load_success") == 0, SECONDS, "metric")
    assert state(own_agent, container) == "still"
    assert metric(own_agent, "last_load_success_timestamp_seconds") == loaded
    assert "policy_failed" in kinds(own_agent)
    assert f"{policy}:2:1: unknown key 'rulez'" in own_agent.log.read_text()
    doctor = json.loads(own_agent.run("doctor", "-o", "json"))["policy"]
    assert (doctor["file"], doctor["rules"]) == (str(policy), 1)
    assert "2:1: unknown key" in doctor["error"]

    policy.write_text("version: 1\n")
    send_hangup(own_agent)
    wait_for(lambda: state(own_agent, container) == "mutated", SECONDS,
             "the rule is out of force")
    wait_for(lambda: metric(own_agent, "load_success") == 1, SECONDS, "metric")
    assert own_agent.process.poll() is None
    assert own_agent.process.pid == pid


def test_a_rule_expires_by_itself(own_agent: Agent, run,
                                  tmp_path: pathlib.Path) -> None:
    container = run(name=f"sfpol-{os.getpid()}-expiry")
    policy = tmp_path / "policy.yaml"

    def expires_in(**delay: int) -> None:
        until = (datetime.datetime.now(datetime.timezone.utc)
                 + datetime.timedelta(**delay))
        policy.write_text(ALLOWS.format(name=container.name)
                          + f"    expires: {until:%Y-%m-%dT%H:%M:%SZ}\n")

    expires_in(hours=1)
    own_agent.start("--policy", str(policy))
    container.work("echo tuned >/etc/app.conf")
    assert state(own_agent, container) == "still"
    assert metric(own_agent, "rules_expired") == 0
    expires_in(seconds=3)
    send_hangup(own_agent)
    wait_for(lambda: state(own_agent, container) == "mutated", 20, "expiry")
    wait_for(lambda: metric(own_agent, "rules_expired") == 1, SECONDS, "metric")
    assert "policy_rule_expired" in kinds(own_agent)


def test_a_bad_file_at_the_start_is_fatal(own_agent: Agent,
                                          tmp_path: pathlib.Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\nrulez: []\n")
    ended = command_line(*own_agent.arguments(), "--policy", str(policy))
    assert ended.returncode == 1
    assert f"{policy}:2:1: unknown key 'rulez'" in ended.stderr.decode()
    assert "did you mean 'rules'?" in ended.stderr.decode()


def test_explain_says_which_rule_decides(own_agent: Agent, run,
                                         tmp_path: pathlib.Path) -> None:
    container = run()
    policy = tmp_path / "policy.yaml"
    policy.write_text(ALLOWS.format(name=container.name))
    own_agent.start("--policy", str(policy))
    container.work("echo tuned >/etc/app.conf")
    where = ("policy", "explain", "--container", container.name,
             "/etc/app.conf")
    answer = json.loads(own_agent.run(*where, "-o", "json"))
    found = {row["class"]: row for row in answer["verdicts"]}
    assert found["content"]["verdict"] == "allowed"
    assert (found["content"]["rule"], found["content"]["line"]) == (
        "configured", 3)
    assert found["metadata"]["verdict"] == "violation"
    assert found["code"]["verdict"] == "violation"
    assert answer["now"]["verdict"] == "allowed"
    table = own_agent.run(*where).decode()
    assert f"configured ({policy}:3)" in table
    assert "tried" in table


def test_explain_knows_volumes_and_what_is_not_there(agent: Agent,
                                                     run) -> None:
    container = run()

    def explained(path: str) -> dict:
        return json.loads(agent.run("policy", "explain", "--container",
                                    container.name, path, "-o", "json"))

    volume = explained("/ctl/in")
    assert volume["mount"]["path"] == "/ctl"
    assert {row["class"] for row in volume["verdicts"]} == {"code"}
    assert explained("/ctlx")["mount"] is None
    assert [explained(path)["exists"] for path in
            ("/etc/group", "/etc/none", "/etc/group/below", "/none/below")] == [
                True, False, False, False]
    container.work("rm /etc/group")
    gone = explained("/etc/group")
    assert (gone["exists"], gone["now"]["change"]) == (False, "D")
    table = agent.run("policy", "explain", "--container", container.name,
                      "/ctl/in").decode()
    assert "on a volume: /ctl (" in table


def test_suggestion_makes_the_workload_still(own_agent: Agent, run,
                                             tmp_path: pathlib.Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: 1\n")
    own_agent.start("--policy", str(policy))
    container = run(name=f"sfpol-{os.getpid()}-suggest")
    container.work("mkdir /app/data; echo 1 >/app/data/a; echo 2 >/app/data/b;"
                   " echo tuned >/etc/app.conf")
    assert state(own_agent, container) == "mutated"
    workload = own_agent.diff(container.name)["container"]["workload"]
    policy.write_bytes(own_agent.run("policy", "suggest", "--workload",
                                     workload))
    checked = command_line("policy", "check", str(policy))
    assert checked.returncode == 0, checked.stderr
    assert b"/app/data/**" in policy.read_bytes()
    send_hangup(own_agent)
    wait_for(lambda: state(own_agent, container) == "still", SECONDS,
             "the suggestion is in force")


def test_check_needs_no_agent(tmp_path: pathlib.Path) -> None:
    good = command_line("policy", "check", str(SHIPPED / "default.yaml"))
    assert (good.returncode, good.stderr) == (0, b"")
    assert good.stdout.startswith(b"ok: ")
    bad = tmp_path / "bad.yaml"
    bad.write_text("version: 2\nrules: {}\n")
    both = command_line("policy", "check", str(SHIPPED / "strict.yaml"),
                        str(bad))
    assert both.returncode == 1
    assert f"{bad}:1:10: version '2'".encode() in both.stderr
    assert f"{bad}:2:8: rules is a map".encode() in both.stderr
    assert b"strict.yaml: ok: 2 rules" in both.stdout
