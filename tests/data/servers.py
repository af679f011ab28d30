"""A server of a folder that counts what is asked of it, and fails as it is told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Served:
    """
    Attributes:
        url: of the folder.
        asked: names of files, one for each GET.
        faults: by name of a file, how it is sent: "cut" after half of the bytes that were promised;
            "short", where their number was not said; "unsaid": all of it, but without their number;
            "endless"; "stalled" after half, until `going_on` is set.
        stalled: set when half is sent.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[str] = []
        self.faults: dict[str, str] = {}
        self.stalled, self.going_on = threading.Event(), threading.Event()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, *arguments: Any, served: Served, **named: Any) -> None:
        self.served = served
        super().__init__(*arguments, **named)

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        if self._fault() in ("short", "unsaid", "endless"):
            self.send_response(200)
            self.end_headers()
        else:
            super().do_HEAD()

    def do_GET(self) -> None:
        self.served.asked.append(self.path.rpartition("/")[2])
        fault = self._fault()
        if not fault:
            super().do_GET()
            return
        content = Path(self.translate_path(self.path)).read_bytes()
        half = len(content) // 2
        self.send_response(200)
        if fault in ("cut", "stalled"):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content if fault == "unsaid" else content[:half])
        if fault == "stalled":
            self.wfile.flush()
            self.served.stalled.set()
            self.served.going_on.wait(60)
            self.wfile.write(content[half:])
        while fault == "endless":
            self.wfile.write(bytes(1 << 16))

    def _fault(self) -> str | None:
        return self.served.faults.get(self.path.rpartition("/")[2])


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Clients that hang up are what some tests are about."""


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Serve a folder on this machine while the block runs."""
    served = Served("")
    handler = partial(_Handler, directory=str(folder), served=served)
    with _Server(("127.0.0.1", 0), handler) as server:
        served.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield served
        finally:
            served.going_on.set()
            server.shutdown()
            thread.join()
