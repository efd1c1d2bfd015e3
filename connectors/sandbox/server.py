"""Serves a sandbox CRM over http on loopback, in a thread of this process."""

import socket
import threading
import time
from types import TracebackType

import uvicorn
from starlette.types import ASGIApp

_START_TIMEOUT_SECONDS = 10.0
_KEEP_ALIVE_SECONDS = 75  # how long front ends commonly keep an idle connection; uvicorn's 5 s break clients that pause


class SandboxServer:
    """A running sandbox CRM: `with SandboxServer(app) as server: server.url`.

    Port 0 takes any free port. Only loopback is ever bound.
    """

    def __init__(self, app: ASGIApp, *, port: int = 0) -> None:
        # asyncio switches Nagle's delay off only where the protocol is named; without that every reply takes 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            lifespan="off",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],), daemon=True)

    def __enter__(self) -> "SandboxServer":
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT_SECONDS
        while not self._server.started:
            if time.monotonic() > deadline:
                raise TimeoutError("the sandbox server did not start")
            time.sleep(0.01)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.should_exit = True
        self._thread.join(_START_TIMEOUT_SECONDS)
        self._socket.close()

    def wait(self) -> None:
        """Block until the server is stopped."""
        self._thread.join()
