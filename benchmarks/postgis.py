"""A private PostGIS server on loopback, for as long as the benchmark runs."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.clock import ENOUGH, REPEATS

SETTINGS = ["-c", "jit=off", "-c", "work_mem=256MB", "-c", "shared_buffers=512MB"]


class MissingError(RuntimeError):
    """PostgreSQL or PostGIS isn't installed."""


class Server:
    """Runs SQL through psql."""

    def __init__(self, psql: str, port: int, user: str) -> None:
        self._command = [psql, "-h", "127.0.0.1", "-p", str(port), "-U", user, "-d", "postgres"]

    def run(self, sql: str) -> str:
        """What psql prints."""
        done = subprocess.run(
            [*self._command, "-XqAt", "-v", "ON_ERROR_STOP=1"],
            input=sql, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(done.stderr.strip())
        return done.stdout

    def milliseconds(self, sql: str) -> float:
        """Execution time as the server itself states it, without sending rows to a client."""
        plan = self.run(f"EXPLAIN (ANALYZE, TIMING OFF, SUMMARY ON) {sql}")
        line = next(v for v in plan.splitlines() if v.startswith("Execution Time"))
        return float(line.split()[2])

    def fastest(self, sql: str) -> float:
        """Seconds of the fastest of some runs; slow ones run less often."""
        seconds, spent = float("inf"), 0.0
        for _ in range(REPEATS):
            took = self.milliseconds(sql) / 1e3
            seconds, spent = min(seconds, took), spent + took
            if spent > ENOUGH:
                break
        return seconds


def _binaries() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        raise MissingError("PostgreSQL isn't installed (Debian: postgresql postgis)")
    return found[-1].parent


@contextlib.contextmanager
def server() -> Iterator[Server]:
    """Start a server in a new directory, and stop it afterwards."""
    bin_ = _binaries()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    home = Path(tempfile.mkdtemp(prefix="cpecgeo-bench-"))
    # The server refuses to run as root; the package brings a user for it.
    as_root = os.geteuid() == 0
    before = ["runuser", "-u", "postgres", "--"] if as_root else []
    if as_root:
        shutil.chown(home, "postgres")
    user = "postgres" if as_root else pwd.getpwuid(os.geteuid()).pw_name
    data = home / "data"

    def tool(name: str, *args: str) -> None:
        subprocess.run(
            [*before, str(bin_ / name), *args], check=True, capture_output=True, cwd=home
        )

    try:
        tool("initdb", "-D", str(data), "-A", "trust", "-U", user, "--no-sync")
        options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 " + " ".join(SETTINGS)
        tool("pg_ctl", "-D", str(data), "-w", "-l", str(home / "log"), "-o", options, "start")
        try:
            one = Server(str(bin_ / "psql"), port, user)
            try:
                one.run("CREATE EXTENSION postgis")
            except RuntimeError as error:
                raise MissingError(
                    "PostGIS isn't installed (Debian: postgresql-15-postgis-3)"
                ) from error
            yield one
        finally:
            tool("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
    finally:
        shutil.rmtree(home, ignore_errors=True)
