"""A TCP relay that can be cut: after so many bytes to the server, or at once."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class CutProxy:
    """Listens on `port`; relays to `server_port` on this machine.

    Args:
        server_port: where to.
        cut_after_bytes: sent to the server; then every connection is cut. None for never.
        cut_when: asked after each piece sent to the server; slows the connection down to 3 MB/s.
    """

    def __init__(
        self, server_port: int, cut_after_bytes: int | None = None, cut_when: Callable[[], bool] | None = None
    ) -> None:
        self._server_port = server_port
        self._cut_when = cut_when
        self._left = cut_after_bytes
        self._sockets: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Cut every connection, without a word."""
        for one in self._sockets:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def close(self) -> None:
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._sockets += [client, server]
                threading.Thread(target=self._relay, args=(client, server, True), daemon=True).start()
                threading.Thread(target=self._relay, args=(server, client, False), daemon=True).start()

    def _relay(self, source: socket.socket, sink: socket.socket, counted: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(16384):
                sink.sendall(data)
                if counted and self._cut_when is not None:
                    time.sleep(0.005)
                    if self._cut_when():
                        self.cut()
                        return
                if counted and self._left is not None:
                    self._left -= len(data)
                    if self._left <= 0:
                        self.cut()
                        return
        # One side ended: so does the other.
        for one in (source, sink):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
