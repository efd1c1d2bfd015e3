"""A real PostgreSQL server for tests, from Debian's package, gone when they end."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

# What is safe to leave out where nothing has to outlive a power cut.
_FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a server on a free port of 127.0.0.1; yield its address. Where there is none installed, the test skips."""
    programs = _find_programs()
    if programs is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    # Not pytest's own folder: only the user who runs the tests may enter that.
    folder = Path(tempfile.mkdtemp(prefix="callfirst-postgres-"))
    folder.chmod(0o755)
    data = folder / "data"
    data.mkdir()
    user = _unprivileged_user()
    if user is not None:
        for path in (folder, data):
            shutil.chown(path, user)
    log = folder / "log"
    try:
        _run(programs, user, "initdb", "--pgdata", str(data), "--auth=trust", "--username=callfirst", "--no-sync")
        port = _free_port()
        settings = {**_FAST, "listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": folder}
        with (data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())
        _run(programs, user, "pg_ctl", "start", "--wait", "--silent", "--pgdata", str(data), "--log", str(log))
        try:
            yield f"postgresql+psycopg://callfirst@127.0.0.1:{port}/postgres"
        finally:
            _run(programs, user, "pg_ctl", "stop", "--wait", "--silent", "--mode=immediate", "--pgdata", str(data))
    finally:
        shutil.rmtree(folder)


def create_database(server: str) -> str:
    """Return the address of a new, empty database on this server."""
    name = f"test_{uuid.uuid4().hex}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return make_url(server).set(database=name).render_as_string(hide_password=False)


def _find_programs() -> Path | None:
    """Return the folder of the newest server's programs; Debian does not put them into PATH."""
    folders = [found.parent for found in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    return max(folders, key=lambda folder: int(folder.parent.name), default=None)


def _unprivileged_user() -> str | None:
    """Return who runs the server where we are root, which it refuses."""
    if os.getuid() != 0:
        return None
    return "postgres" if any(entry.pw_name == "postgres" for entry in pwd.getpwall()) else "nobody"


def _run(programs: Path, user: str | None, program: str, *arguments: str) -> None:
    command = [str(programs / program), *arguments]
    # The working directory must be one that the user may enter.
    done = subprocess.run(command, user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 0, f"{program}: {done.stderr}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port
