# SPDX-License-Identifier: EUPL-1.2
"""The image holds the static binary alone, is small, runs as nobody on a read-only root, and answers its health check. And what
`deploy/compose/prepare` writes is a valid configuration."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BINARY = ROOT / "target" / "container" / "dreiklang"
PACKAGES = ("podman", "buildah", "runc", "fuse-overlayfs")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def run(*command: str, env: dict[str, str] | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | (env or {}), check=False)
    assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done


@pytest.fixture(scope="module")
def binary() -> Path:
    run(str(ROOT / "deploy/container/build"), "--binary")
    return BINARY


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """podman and buildah with their own storage, also where this machine is a container itself."""
    if not (shutil.which("podman") and shutil.which("buildah")):
        run("apt-get", "install", "-y", "--no-install-recommends", *PACKAGES, env={"DEBIAN_FRONTEND": "noninteractive"})
    folder = tmp_path_factory.mktemp("podman")
    (folder / "containers.conf").write_text(
        '[containers]\ndefault_ulimits = ["nofile=10000:10000", "nproc=8000:8000"]\n'
        '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\nruntime = "runc"\n',
        encoding="utf-8",
    )
    (folder / "storage.conf").write_text(
        f'[storage]\ndriver = "vfs"\ngraphroot = "{folder}/graph"\nrunroot = "{folder}/run"\n', encoding="utf-8"
    )
    return {"CONTAINERS_CONF": str(folder / "containers.conf"), "CONTAINERS_STORAGE_CONF": str(folder / "storage.conf")}


def test_the_binary_is_static(binary: Path) -> None:
    assert "statically linked" in run("ldd", str(binary), check=False).stdout + run("ldd", str(binary), check=False).stderr


def test_the_image_is_small_and_runs_as_nobody_on_a_read_only_root(binary: Path, engine: dict[str, str], state_root: Path) -> None:
    run("buildah", "bud", "--isolation", "chroot", "-f", str(BINARY.parent / "Containerfile"), "-t", "localhost/dreiklang", str(BINARY.parent), env=engine)
    image = json.loads(run("podman", "image", "inspect", "localhost/dreiklang", env=engine).stdout)[0]
    assert image["Size"] <= 30 * 1024 * 1024, image["Size"]
    assert image["Config"]["User"] == "65532:65532"
    assert len(image["RootFS"]["Layers"]) == 1, "the binary and nothing else"
    folder = state_root / "container"
    (folder / "state").mkdir(parents=True)
    (folder / "state").chmod(0o777)
    port = 29480
    (folder / "config.toml").write_text(
        f"""
[gateway]
state = "/var/lib/dreiklang/state"
admin_listen = "127.0.0.1:{port}"
[[organisation]]
id = "town"
name = "Town"
[organisation.xmpp]
server = "127.0.0.1:29481"
domains = {{ mail = "mail.gw.example" }}
[organisation.mail]
domain = "gw.example"
lmtp = {{ listen = "127.0.0.1:29482" }}
smtp = {{ server = "127.0.0.1:29483", security = "none" }}
trusted_authserv_id = "mail.example"
""",
        encoding="utf-8",
    )
    command = ["podman", "run", "-d", "--name", "dreiklang-test", "--network=host", "--read-only", "--cap-drop=all"]
    command += ["-e", "DREIKLANG_TOWN_XMPP_SECRET=secret", "-v", f"{folder}/config.toml:/etc/dreiklang/config.toml:ro"]
    command += ["-v", f"{folder}/state:/var/lib/dreiklang:rw", "localhost/dreiklang"]
    run(*command, env=engine)
    try:
        from servers import wait

        alive = ["podman", "exec", "dreiklang-test", "/dreiklang", "health"]
        assert wait.until(lambda: run(*alive, env=engine, check=False).returncode == 0, 30), run(
            "podman", "logs", "dreiklang-test", env=engine
        ).stderr
        assert (folder / "state" / "state" / "dreiklang.db").exists()
        run("podman", "stop", "-t", "15", "dreiklang-test", env=engine)
        state = json.loads(run("podman", "inspect", "dreiklang-test", env=engine).stdout)[0]["State"]
        assert state["ExitCode"] == 0, state
    finally:
        run("podman", "rm", "-f", "dreiklang-test", env=engine, check=False)


def test_compose_is_prepared_with_a_valid_configuration(binary: Path, state_root: Path) -> None:
    yaml = pytest.importorskip("yaml")
    compose = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
    assert {"dreiklang", "synapse", "prosody", "mail"} == set(compose["services"])
    assert compose["services"]["dreiklang"]["read_only"] is True
    state = state_root / "compose"
    run(str(ROOT / "deploy/compose/prepare"), str(state))
    run(str(binary), "--config", str(state / "dreiklang/config.toml"), "config", "check")
    registration = yaml.safe_load((state / "synapse/dreiklang.yaml").read_text(encoding="utf-8"))
    assert registration["sender_localpart"] == "dreiklang"
    assert "component_secret" in (state / "prosody/components.cfg.lua").read_text(encoding="utf-8")
    for line in (state / "dreiklang/secrets/xmpp").read_text(encoding="utf-8").split():
        assert line in (state / "prosody/components.cfg.lua").read_text(encoding="utf-8")
