"""`danlu serve`: load the models, listen, answer until told to stop."""

from __future__ import annotations

import errno
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from danlu.workspace.errors import DanluError
from danlu.workspace.messages import text

LOOPBACK = ("127.0.0.1", "localhost", "::1")
GRACE_SECONDS = 10


def say(line: str) -> None:
    """A line for the person at the terminal, at once even through a pipe."""
    print(line, flush=True)


def run(models: Mapping[str, Path], host: str = "127.0.0.1", port: int = 8000, *, say: Callable[[str], None] = say) -> None:
    """Serve `models` (name -> directory) on `host`:`port` until SIGTERM or SIGINT; port 0 takes any free one.

    The port is taken before the models are loaded, so that a port in use is told at once.
    """
    if not models:
        raise DanluError("serve.no-models")
    with bind(host, port) as listener:
        # These bring torch, which takes seconds: a port in use is told before.
        import uvicorn

        from danlu.inference.load import load_for
        from danlu.serve.app import create_app
        from danlu.serve.limits import LOCAL_HOSTS

        if host not in LOOPBACK:
            say(text("serve.exposed", host=host))
        loaded = {}
        for name, path in models.items():
            say(text("serve.loading", name=name, path=path))
            loaded[name] = load_for(path)
        # Where only this machine can call, only its own names are right in the Host header; elsewhere we cannot know them.
        app = create_app(loaded, hosts=LOCAL_HOSTS if host in LOOPBACK else None)
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            timeout_keep_alive=30,
            lifespan="on",
        )
        say(text("serve.listening", count=len(loaded), url=address(listener)))
        with stop_signals():
            uvicorn.Server(config).run(sockets=[listener])
        say(text("serve.stopped"))


@contextmanager
def bind(host: str, port: int) -> Iterator[socket.socket]:
    """A socket bound to the address, or an error with its remedy."""
    try:
        family, kind, protocol, _, target = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except socket.gaierror as error:
        raise DanluError("serve.host-unknown", where=host, host=host, reason=error.strerror or str(error)) from error
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(target)
            listener.listen(128)  # with SO_REUSEADDR, two sockets may bind to one port; only one may listen
        except OSError as error:
            raise _bind_error(error, host, port) from error
        yield listener


def _bind_error(error: OSError, host: str, port: int) -> DanluError:
    where = f"{host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return DanluError("serve.port-taken", where=where, host=host, port=port, other=port + 1 if port < 65535 else 0)
    if error.errno in (errno.EACCES, errno.EPERM):
        return DanluError("serve.port-denied", where=where, host=host, port=port)
    return DanluError("serve.host-unknown", where=where, host=host, reason=error.strerror or str(error))


def address(listener: socket.socket) -> str:
    """The address to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    if host in ("0.0.0.0", "::"):
        host = "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


@contextmanager
def stop_signals() -> Iterator[None]:
    """Make SIGTERM and SIGINT end the server with status 0.

    While it serves, uvicorn takes both signals and shuts down in order; then it raises them again for whoever had them
    before, which by default kills the process. Here nobody has.
    """

    def done(number: int, frame: object) -> None:
        """The server has stopped already: nothing is left to do."""

    before = {number: signal.signal(number, done) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
