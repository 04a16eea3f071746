"""Finds the servers' programs, and makes those that are missing.

Jaeger and the Collector are built from Go modules: `collector-config/build/` names the exact
modules (go.mod) and their checksums (go.sum). A binary's name ends with a hash of those files,
so that a change of version is another binary and a second build takes no time.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from scripts.backends.places import CONFIG, BackendsError, cache


@dataclass(frozen=True)
class GoProgram:
    """A program that is built from Go modules."""

    name: str
    package: str
    """What `go build` builds: a package of the module in `sources`, or of one it requires."""
    minutes: int
    """What a first build takes on two cores, for people."""

    @property
    def sources(self) -> Path:
        """The folder with go.mod and go.sum."""
        return CONFIG / "build" / self.name

    @property
    def path(self) -> Path:
        """Where the binary is, or will be."""
        return cache() / "bin" / f"{self.name}-{self._key()}"

    def _key(self) -> str:
        digest = hashlib.sha256()
        for file in sorted(self.sources.iterdir()):
            digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
        return digest.hexdigest()[:12]


JAEGER = GoProgram("jaeger", "github.com/jaegertracing/jaeger/cmd/jaeger", 6)
COLLECTOR = GoProgram("otelcol", ".", 2)


def built(program: GoProgram) -> Path | None:
    """Return the program's binary, or nothing if it has to be built first."""
    return program.path if program.path.is_file() else None


def prometheus() -> Path | None:
    """Return Prometheus: the one on the PATH, or the one that `provide_prometheus` unpacked."""
    return _prometheus_tool("prometheus")


def promtool() -> Path | None:
    """Return promtool, which comes with Prometheus."""
    return _prometheus_tool("promtool")


def _prometheus_tool(name: str) -> Path | None:
    on_path = shutil.which(name)
    unpacked = _unpacked_prometheus() / "usr" / "bin" / name
    if on_path:
        return Path(on_path)
    return unpacked if unpacked.is_file() else None


def _unpacked_prometheus() -> Path:
    return cache() / "prometheus"


# -- making what is missing


def provide_all() -> list[Path]:
    """Build and fetch whatever is missing; raises `BackendsError` with all that did not work."""
    paths: list[Path] = []
    problems: list[str] = []
    for provide in (partial(build, COLLECTOR), partial(build, JAEGER), provide_prometheus):
        _note(provide, paths, problems)
    if problems:
        raise BackendsError("\n\n".join(problems))
    return paths


def _note(provide: Callable[[], Path], paths: list[Path], problems: list[str]) -> None:
    try:
        paths.append(provide())
    except BackendsError as error:
        problems.append(str(error))


def build(program: GoProgram) -> Path:
    """Build the program unless it is there; return its binary."""
    path = program.path
    path.parent.mkdir(parents=True, exist_ok=True)
    with _only_one(path.parent / f"{program.name}.lock"):
        if not path.is_file():
            _build(program, path)
    return path


def _build(program: GoProgram, path: Path) -> None:
    go = shutil.which("go")
    if go is None:
        raise BackendsError(
            f"{program.name} is built from Go modules, and there is no go: install Go 1.26 or newer"
            " (Debian and Ubuntu: golang-go, or from go.dev), then run `make backends` again."
        )
    print(f"Building {program.name} from Go modules: about {program.minutes} minutes once.")
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f"{program.name}-") as name:
        folder = Path(name)
        # Built from a copy: whatever go does there, the checkout stays as it is.
        sources = shutil.copytree(program.sources, folder / "sources")
        binary = folder / program.name
        command = [go, "build", "-trimpath", "-o", str(binary), program.package]
        _run(command, sources, _go_environment(), f"{program.name} could not be built")
        binary.replace(path)


def _go_environment() -> Mapping[str, str]:
    # readonly: modules are exactly those of go.mod and go.sum, or the build fails.
    return {**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false", "CGO_ENABLED": "0"}


def _run(command: list[str], folder: Path, environment: Mapping[str, str], failure: str) -> None:
    done = subprocess.run(command, cwd=folder, env=environment, check=False)  # noqa: S603  ours
    if done.returncode != 0:
        raise BackendsError(
            f"{failure} ({' '.join(command[:2])}, its messages are above). It needs a network"
            " connection to download from; then run `make backends` again."
        )


@contextmanager
def _only_one(lock: Path) -> Iterator[None]:
    """Let a second build of the same program wait for the first one, not compete with it."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def provide_prometheus() -> Path:
    """Fetch Debian's Prometheus unless there is one; return its binary.

    Its package is unpacked into the cache and not installed: installed, it would start a server
    that listens on every interface, and only root could do it.
    """
    found = prometheus()
    return found if found and promtool() else _unpack_prometheus()


def _unpack_prometheus() -> Path:
    apt, unpack = shutil.which("apt-get"), shutil.which("dpkg-deb")
    if apt is None or unpack is None:
        raise BackendsError(
            "There is no prometheus, and no apt-get to fetch it with: install Prometheus 2.42 or"
            " newer with promtool (prometheus.io/download), so that both are on the PATH."
        )
    target = _unpacked_prometheus()
    target.parent.mkdir(parents=True, exist_ok=True)
    failure = "Debian's package prometheus could not be fetched"
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="prometheus-") as name:
        folder = Path(name)
        # The option concerns root only: apt would not let its own user into our folder.
        download = [apt, "-o", "APT::Sandbox::User=root", "download", "prometheus"]
        _download(download, folder, failure)
        (package,) = folder.glob("prometheus_*.deb")
        unpacked = folder / "unpacked"
        _run([unpack, "-x", str(package), str(unpacked)], folder, os.environ, failure)
        shutil.rmtree(target, ignore_errors=True)  # left by an attempt that was interrupted
        unpacked.rename(target)
    return target / "usr" / "bin" / "prometheus"


def _download(download: list[str], folder: Path, failure: str) -> None:
    done = subprocess.run(download, cwd=folder, check=False)  # noqa: S603  apt-get
    if done.returncode != 0:
        # A fresh machine has no list of packages yet.
        _run([download[0], "update"], folder, os.environ, failure)
        _run(download, folder, os.environ, failure)
