"""A hub of one model on loopback, as much of one as huggingface_hub asks for."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

COMMIT = "a" * 40


@contextmanager
def hub(name: str, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Serve the model in `folder` as `name` (owner/model): the hub's address, and the paths that were asked for."""
    asked: list[str] = []
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            asked.append(self.path)

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            path = self.path.partition("?")[0]
            file = files.get(path.removeprefix(f"/{name}/resolve/").partition("/")[2]) if "/resolve/" in path else None
            headers = {"X-Repo-Commit": COMMIT}
            if file:
                status, body = 200, file.read_bytes()
                headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()}"'
            elif path.startswith(f"/api/models/{name}/tree/"):
                listing = [{"type": "file", "path": path, "size": files[path].stat().st_size, "oid": "0"} for path in files]
                status, body = 200, json.dumps(listing).encode()
            elif path.startswith(f"/api/models/{name}"):
                about = {"id": name, "sha": COMMIT, "siblings": [{"rfilename": path} for path in files], "tags": []}
                status, body = 200, json.dumps(about).encode()
            else:
                status, body = 404, b"{}"
                headers["X-Error-Code"] = "EntryNotFound"
            self.send_response(status)
            for key, value in (headers | {"Content-Length": str(len(body)), "Content-Type": "application/json"}).items():
                self.send_header(key, value)
            self.end_headers()
            if with_body:
                self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()
