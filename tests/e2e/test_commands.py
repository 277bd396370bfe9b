# SPDX-License-Identifier: EUPL-1.2
"""The command line as an administrator uses it, beside a running gateway and without one."""

from __future__ import annotations

import json
import stat

import pytest
from servers import Lab
from servers.gateway import Gateway


def test_config_check_is_content_with_a_good_file_and_names_a_bad_line(servers: Lab) -> None:
    gateway = servers.gateway
    gateway.prepare()
    assert gateway.run("config", "check").returncode == 0
    good = gateway.config.read_text(encoding="utf-8")
    try:
        gateway.config.write_text(good.replace("server_name =", "server_nam ="), encoding="utf-8")
        bad = gateway.run("config", "check", check=False)
    finally:
        gateway.config.write_text(good, encoding="utf-8")
    assert bad.returncode == 1
    line = next(n for n, text in enumerate(good.splitlines(), 1) if text.startswith("server_name"))
    assert f"config.toml:{line}: unknown setting `server_nam`: did you mean `server_name`?" in bad.stderr


def test_wrong_use_ends_with_two(servers: Lab) -> None:
    assert servers.gateway.run("nonsense", check=False).returncode == 2


def test_registration_writes_files_for_every_server_that_only_their_owner_reads(servers: Lab) -> None:
    gateway = servers.gateway
    folder = gateway.register().parent
    names = {path.name for path in folder.iterdir()}
    assert names == {"synapse-registration.yaml", "prosody.cfg.lua", "ejabberd.yml", "postfix.cf"}
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert servers.secrets.component in (folder / "prosody.cfg.lua").read_text(encoding="utf-8")
    assert "global_routes: false" in (folder / "ejabberd.yml").read_text(encoding="utf-8"), "each component gets its own"


def test_check_says_that_every_connection_works_beside_a_running_gateway(gateway: Gateway) -> None:
    done = gateway.run("check", check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = json.loads(gateway.run("--json", "check").stdout)
    assert {line["network"] for line in lines} == {"matrix", "xmpp", "mail"}
    assert all(line["fine"] for line in lines), lines


def test_check_says_what_to_do_when_a_secret_is_wrong(gateway: Gateway) -> None:
    gateway.stop()
    secret = gateway.config.parent / "secrets" / "xmpp"
    right = secret.read_text(encoding="utf-8")
    try:
        secret.write_text("wrong\n", encoding="utf-8")
        done = gateway.run("check", check=False)
    finally:
        secret.write_text(right, encoding="utf-8")
    assert done.returncode == 1
    trouble = [line for line in done.stdout.splitlines() if line.startswith("TROUBLE")]
    assert trouble and all("xmpp" in line for line in trouble), done.stdout
    assert "secret" in trouble[0] and "wrong" not in done.stdout.replace("wrong secret", "")


def test_status_health_and_probes(gateway: Gateway) -> None:
    assert gateway.run("health").stdout.strip() == "alive"
    status = json.loads(gateway.run("--json", "status").stdout)
    assert status["ready"] and all(link["online"] for link in status["connections"])
    assert gateway.get("/livez") == "alive\n"
    assert "# EOF" in gateway.get("/metrics")
    gateway.stop()
    assert gateway.run("health", check=False).returncode == 1
    assert gateway.run("status", check=False).returncode == 1


def test_readiness_names_the_leg_that_is_down(servers: Lab, gateway: Gateway) -> None:
    servers.prosody.kill()
    try:
        from servers import wait

        assert wait.until(lambda: not gateway.online(), 30)
        assert "xmpp component" in gateway.get("/readyz")
    finally:
        servers.prosody.start()
    gateway.wait_online()


def test_the_queue_is_empty_and_says_so(gateway: Gateway) -> None:
    assert gateway.run("queue", "--state", "held").stdout.strip() == "nothing waits"
    assert gateway.run("queue", "retry", check=False).returncode == 1


def test_no_secret_and_no_address_is_in_the_log(servers: Lab, gateway: Gateway) -> None:
    text = (gateway.directory / "output.log").read_text(encoding="utf-8")
    for secret in (servers.secrets.as_token, servers.secrets.hs_token, servers.secrets.component, servers.secrets.password):
        assert secret not in text
    for word in ("%hs.localhost", "=40", "@mail.localhost", "matrix."):
        assert word not in text.replace("matrix.gw.localhost", "").replace("bridge@mail.localhost", ""), word


@pytest.mark.slow
def test_it_starts_within_a_blink_and_needs_little(gateway: Gateway) -> None:
    """Not a timed test: the figures stand in docs/performance.md; here only that the process is as small as promised."""
    main = gateway.main()
    assert main is not None
    with open(f"/proc/{main.pid}/status", encoding="utf-8") as lines:
        resident = next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))
    assert resident < 120 * 1024, f"{resident} KiB in a debug build"
