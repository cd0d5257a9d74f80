# SPDX-License-Identifier: Apache-2.0
"""What the tests share: one image, one agent, containers that always go."""

import os
import pathlib
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator

import pytest

from harness import agent as agents
from harness import image as images
from harness import operations
from harness.agent import Agent
from harness.coverage import Results
from harness.podman import Container, Store, podman


def pytest_configure(config: pytest.Config) -> None:
    if os.geteuid() != 0:
        pytest.exit("the native tests need root", returncode=1)


@pytest.fixture(scope="session")
def mutate() -> pathlib.Path:
    """The program that changes things, on the host."""
    default = agents.binary().parent / "tests/mutators/mutate"
    return pathlib.Path(os.environ.get("STILLFRAME_MUTATE", default))


@pytest.fixture(scope="session")
def tree(mutate: pathlib.Path) -> images.Tree:
    tree = images.base_tree(mutate)
    operations.add_to(tree)
    return tree


@pytest.fixture(scope="session")
def image(tree: images.Tree) -> Iterator[str]:
    name = f"localhost/stillframe-native:{os.getpid()}"
    images.import_image(name, tree)
    yield name
    images.remove_image(name)


@pytest.fixture
def new_image(tree: images.Tree) -> Iterator[str]:
    """Another image, for what replaces a container."""
    tag = f"localhost/stillframe-native-new:{uuid.uuid4().hex[:12]}"
    podman("import", "-q", "-c", "ENV PATH=/bin:/usr/bin",
           "-c", "LABEL version=2", "-", tag, input=tree.bytes())
    yield tag
    images.remove_image(tag)


@pytest.fixture(scope="session")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agent]:
    """The agent that most tests share, each with containers of its own: more of
    them are changed than workloads have counters of their own by default."""
    with Agent(tmp_path_factory.mktemp("agent")) as shared:
        yield shared.start("--metrics.max-workloads", "10000")


@pytest.fixture(scope="module")
def results(request: pytest.FixtureRequest) -> Iterator[Results]:
    """Where cases say what they are covered by, for scripts/coverage."""
    kept = Results(f"native-{request.module.__name__}")
    yield kept
    kept.write()


@pytest.fixture
def own_agent(tmp_path: pathlib.Path) -> Iterator[Agent]:
    """An agent not yet started, for tests that kill and restart it."""
    with Agent(tmp_path / "agent") as mine:
        mine.directory.mkdir()
        yield mine


@pytest.fixture
def store() -> Iterator[Store]:
    """Podman's, besides the usual one; of a short name, as it wants one."""
    with tempfile.TemporaryDirectory(prefix="sfst-") as directory:
        mine = Store(pathlib.Path(directory), "overlay")
        yield mine
        mine.remove()
        subprocess.run(["umount", "-q", mine.directory / "root/overlay"],
                       check=False)


@pytest.fixture
def start(image: str) -> Iterator[Callable[..., Container]]:
    """Starts containers that end with the test."""
    running: list[Container] = []

    def start_one(*command: str, **more) -> Container:
        container = Container(image, *command, **more)
        running.append(container)
        return container

    yield start_one
    for container in running:
        container.remove()
