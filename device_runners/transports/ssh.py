"""A device over ssh: the system's own client, so that its config file, keys, agent and hosts apply.

One connection for a run: the keeper's is the master, the others go through its socket
(ControlMaster). They must not connect anew when it is gone, so their own way out is closed. Nothing
asks for a password and none is ever on a command line.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import urllib.parse
from pathlib import Path
from typing import TYPE_CHECKING

from edgeprune.errors import DeviceError, InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.:%-]*")
_FAILED = 255  # ssh's own exit code, as opposed to the command's
_OPTIONS = (
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "ConnectTimeout=10",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "RequestTTY=no",
    "RemoteCommand=none",
    "PermitLocalCommand=no",
    "LogLevel=ERROR",
)
# What ssh says, what it means, the way out.
_CAUSES = (
    (
        "REMOTE HOST IDENTIFICATION HAS CHANGED",
        "its host key is not the known one",
        "If it was set up anew: ssh-keygen -R {host}, then `ssh {target}` once. Otherwise do not connect.",
    ),
    (
        "Host key verification failed",
        "its host key is unknown",
        "Connect once by hand, compare the fingerprint and accept it: ssh {target}",
    ),
    (
        "host key is known",
        "its host key is unknown",
        "Connect once by hand, compare the fingerprint and accept it: ssh {target}",
    ),
    (
        "Permission denied",
        "it does not accept this user's key",
        "Put your key there (ssh-copy-id {target}) or load it (ssh-add). Passwords are not used.",
    ),
    ("Could not resolve hostname", "the name does not resolve", "Check the name, or use the address."),
    (
        "Connection refused",
        "no ssh server answers",
        "Turn ssh on there (sudo raspi-config, Interface Options).",
    ),
    ("timed out", "it does not answer", "Check that it is on and in the same network."),
    ("No route to host", "there is no way to it", "Check that it is on and in the same network."),
)


class Ssh:
    """See `Transport`."""

    root = ""
    python = "python3"

    def __init__(self, device: str) -> None:
        self.device = device
        url = urllib.parse.urlsplit(device)
        try:
            port = url.port
        except ValueError as error:
            raise InputError(f"{device!r} has a bad port.", "Expected ssh://[user@]host[:port].") from error
        host, user = url.hostname, url.username
        parts_fit = host and _NAME.fullmatch(host) and (user is None or _NAME.fullmatch(user))
        if (
            not parts_fit
            or url.password is not None
            or url.path not in ("", "/")
            or url.query
            or url.fragment
        ):
            raise InputError(
                f"{device!r} is not understood.",
                "Expected ssh://[user@]host[:port].",
                "Passwords do not go here: use keys.",
            )
        if shutil.which("ssh") is None:
            raise DeviceError("There is no ssh program.", "", "Install the OpenSSH client.")
        # urlsplit lowers the host's case, but aliases of the config file keep theirs.
        named = device.removeprefix("ssh://").rstrip("/").rpartition("@")[2]
        self._host = named.removesuffix(f":{port}") if port else named.rstrip(":")
        self._host = self._host.strip("[]")
        self._where = [*(["-p", str(port)] if port else []), *(["-l", user] if user else [])]
        self._target = " ".join(
            [*self._where[: 2 if port else 0], f"{user}@{self._host}" if user else self._host]
        )
        self._folder = tempfile.mkdtemp(prefix="edgeprune-")
        self._socket = str(Path(self._folder) / "s")

    def argv(self, line: str, *, keeper: bool = False) -> Sequence[str]:
        """Through the shared connection; the keeper opens it."""
        sharing = (
            [f"ControlPath={self._socket}", "ControlMaster=yes", "ControlPersist=no"]
            if keeper
            else [f"ControlPath={self._socket}", "ControlMaster=no", "ProxyCommand=false", "ProxyJump=none"]
        )
        options = [part for option in (*_OPTIONS, *sharing) for part in ("-o", option)]
        return ["ssh", "-T", *options, *self._where, "--", self._host, line]

    def failure(self, code: int, stderr: str) -> DeviceError | None:
        """Ssh's own failures, by what it prints."""
        if code != _FAILED:
            return None
        for text, cause, way_out in _CAUSES:
            if text in stderr:
                return DeviceError(
                    f"{self.device} cannot be reached: {cause}.",
                    "",
                    way_out.format(host=self._host, target=self._target),
                )
        last = (stderr.strip().splitlines() or ["no reason given"])[-1]
        return DeviceError(f"The connection to {self.device} failed or was lost ({last}).", "", "Try again.")

    def close(self) -> None:
        """Remove the socket's folder; the connection ends with the keeper."""
        shutil.rmtree(self._folder, ignore_errors=True)
