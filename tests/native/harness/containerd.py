# SPDX-License-Identifier: Apache-2.0
"""A containerd of the tests' own, used by `ctr` and by the kubelet's calls."""

import hashlib
import io
import json
import os
import pathlib
import subprocess
import tarfile
import uuid

from .cgroups import hierarchies
from .cri import CriClient, CriError
from .waiting import patience, wait_for

CRI_NAMESPACE = "k8s.io"
SLEEP = ("/bin/sleep", "100000")
# Where the kubelet's cgroupfs driver has pods of this quality of service.
_PODS_CGROUPS = ("/kubepods", "/kubepods/burstable")


def _blob(files: dict[str, bytes], content: bytes) -> str:
    digest = hashlib.sha256(content).hexdigest()
    files[f"blobs/sha256/{digest}"] = content
    return f"sha256:{digest}"


def _archive(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def oci_archive(name: str, layer: bytes,
                command: tuple[str, ...] = SLEEP) -> bytes:
    """An OCI image layout of one layer, as `ctr images import` takes it."""
    files: dict[str, bytes] = {}
    layer_digest = _blob(files, layer)
    config = json.dumps({
        "architecture": "amd64", "os": "linux",
        "config": {"Env": ["PATH=/bin:/usr/bin"], "Cmd": list(command)},
        "rootfs": {"type": "layers", "diff_ids": [layer_digest]},
    }).encode()
    media = "application/vnd.oci.image"
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": f"{media}.manifest.v1+json",
        "config": {"mediaType": f"{media}.config.v1+json",
                   "digest": _blob(files, config), "size": len(config)},
        "layers": [{"mediaType": f"{media}.layer.v1.tar",
                    "digest": layer_digest, "size": len(layer)}],
    }).encode()
    files["index.json"] = json.dumps({"schemaVersion": 2, "manifests": [{
        "mediaType": f"{media}.manifest.v1+json", "size": len(manifest),
        "digest": _blob(files, manifest),
        "annotations": {"io.containerd.image.name": name}}]}).encode()
    files["oci-layout"] = b'{"imageLayoutVersion":"1.0.0"}'
    return _archive(files)


class Containerd:
    """A daemon with root, state, socket and configuration of its own."""

    def __init__(self, directory: pathlib.Path, pause: str) -> None:
        self.directory = directory
        self.socket = directory / "c.sock"
        self._pause = pause
        self._process: subprocess.Popen | None = None
        self._containers: list[tuple[str, str]] = []
        self._pods: list[Pod] = []
        self.cri = CriClient(directory / "cri", self.socket)

    def __enter__(self) -> "Containerd":
        config = self.directory / "config.toml"
        config.write_text(f"""
version = 2
root = "{self.directory}/root"
state = "{self.directory}/state"
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{self._pause}"
  restrict_oom_score_adj = true
""")
        with open(self.directory / "log", "wb") as log:
            self._process = subprocess.Popen(
                ["containerd", "--config", config], stdout=log, stderr=log,
                stdin=subprocess.DEVNULL)
        try:
            self.cri.__enter__()
            wait_for(self._ready, 60, f"containerd in {self.directory}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _ready(self) -> bool:
        assert self._process and self._process.poll() is None
        try:
            self.cri.call("Version", version="v1")
        except CriError:
            return False
        return True

    def __exit__(self, *_) -> None:
        for pod in list(self._pods):
            self.remove_pod(pod)
        for cgroup in reversed(_PODS_CGROUPS):
            remove_cgroup(cgroup)
        for space, name in self._containers:
            self.remove(name, space)
        self.cri.__exit__()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(patience(30))

    # ---- ctr

    def ctr(self, *args: str, space: str = "default", check: bool = True,
            **more) -> bytes:
        result = subprocess.run(
            ["ctr", "-a", self.socket, "-n", space, *args],
            capture_output=True, timeout=patience(120), check=False, **more)
        if check and result.returncode != 0:
            raise AssertionError(f"ctr {args}: {result.stderr!r}")
        return result.stdout

    def import_image(self, name: str, layer: bytes, *spaces: str,
                     command: tuple[str, ...] = SLEEP) -> None:
        """Under that name, whatever had it before."""
        for space in spaces:
            self.ctr("images", "import", "-", space=space,
                     input=oci_archive(name, layer, command))

    def image_known(self, name: str) -> str:
        """The id that the kubelet has for it; its plugin hears of images late."""
        def known() -> str:
            answer = self.cri.call("ImageStatus", service="image",
                                   image={"image": name})
            return (answer["image"] or {}).get("id", "")
        return wait_for(known, 30, f"CRI knows {name}")

    def run(self, image: str, name: str | None = None,
            space: str = "default") -> str:
        name = name or f"sfnat-{uuid.uuid4().hex[:12]}"
        self._containers.append((space, name))
        self.ctr("run", "-d", image, name, *SLEEP, space=space)
        return name

    def remove(self, name: str, space: str = "default") -> None:
        self.ctr("tasks", "rm", "-f", name, space=space, check=False)
        self.ctr("containers", "rm", name, space=space, check=False)

    def exec(self, name: str, script: str, space: str = "default") -> None:
        self.ctr("tasks", "exec", "--exec-id", uuid.uuid4().hex[:12], name,
                 "/bin/sh", "-c", script, space=space)

    # ---- The kubelet

    def run_pod(self, name: str, namespace: str, image: str,
                labels: dict[str, str] | None = None) -> "Pod":
        pod = Pod(self, name, namespace, image, labels or {})
        self._pods.append(pod)
        return pod

    def remove_pod(self, pod: "Pod") -> None:
        self._pods.remove(pod)
        for call in ("StopPodSandbox", "RemovePodSandbox"):
            self.cri.call(call, pod_sandbox_id=pod.sandbox)
        remove_cgroup(pod.cgroup)


class Pod:
    """A pod of one container, on the host's network."""

    def __init__(self, runtime: Containerd, name: str, namespace: str,
                 image: str, labels: dict[str, str]) -> None:
        self.runtime = runtime
        self.name = name
        self.uid = str(uuid.uuid4())
        self.cgroup = f"{_PODS_CGROUPS[-1]}/pod{self.uid}"
        kube = {"io.kubernetes.pod.name": name,
                "io.kubernetes.pod.namespace": namespace,
                "io.kubernetes.pod.uid": self.uid}
        # The host's network: there is no CNI.
        context = {"namespace_options": {"network": "NODE", "pid": "CONTAINER"}}
        config = {
            "metadata": {"name": name, "uid": self.uid,
                         "namespace": namespace},
            "log_directory": str(runtime.directory / "logs" / self.uid),
            "labels": {**labels, **kube},
            "linux": {"cgroup_parent": self.cgroup,
                      "security_context": context},
        }
        make_cgroup(self.cgroup)
        self.sandbox = runtime.cri.call(
            "RunPodSandbox", config=config)["pod_sandbox_id"]
        self.id = runtime.cri.call(
            "CreateContainer", pod_sandbox_id=self.sandbox, config={
                "metadata": {"name": "web"}, "image": {"image": image},
                "command": list(SLEEP), "log_path": "web.log",
                "labels": {**kube, "io.kubernetes.container.name": "web"},
                "linux": {"security_context": context,
                          "resources": {"cpu_shares": 102}},
            }, sandbox_config=config)["container_id"]
        runtime.cri.call("StartContainer", container_id=self.id)

    def exec(self, script: str) -> None:
        answer = self.runtime.cri.call(
            "ExecSync", container_id=self.id, cmd=["/bin/sh", "-c", script],
            timeout=60)
        assert answer["exit_code"] == 0, answer

    def resize(self, cpu_shares: int) -> None:
        self.runtime.cri.call("UpdateContainerResources", container_id=self.id,
                              linux={"cpu_shares": cpu_shares})


def make_cgroup(path: str) -> None:
    """As the kubelet makes one for a pod, in each hierarchy that takes it."""
    for hierarchy in hierarchies():
        try:
            os.makedirs(f"{hierarchy}{path}", exist_ok=True)
        except OSError:
            continue


def remove_cgroup(path: str) -> None:
    for hierarchy in hierarchies():
        try:
            os.rmdir(f"{hierarchy}{path}")
        except OSError:
            continue
