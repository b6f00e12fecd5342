"""A device over ssh: the system's own client, so that its config file, keys, agent and hosts apply.

One connection for a run: the lock holder's is the master, the others go through its socket
(ControlMaster). They must not connect anew when it is gone, so connecting by themselves is disabled. Nothing
asks for a password, and none is ever on a command line.
"""

import re
import shutil
import tempfile
import urllib.parse
from collections.abc import Sequence
from pathlib import Path

from device_runners.transports.transport import Transport
from edgeprune.errors import DeviceError, InputError

_NAME = re.compile(r"[A-Za-z0-9_.][A-Za-z0-9_.:%-]*")
_FAILED = 255  # ssh's own exit code, as opposed to the command's
_OPTIONS = (
    "BatchMode=yes", "StrictHostKeyChecking=yes", "ConnectTimeout=10", "ServerAliveInterval=5",
    "ServerAliveCountMax=3", "ForwardAgent=no", "ForwardX11=no", "ClearAllForwardings=yes", "RequestTTY=no",
    "RemoteCommand=none", "PermitLocalCommand=no", "LogLevel=ERROR",
)
_ACCEPT = "Connect once by hand, compare the fingerprint and accept it: ssh {target}"
_LOOK = "Check that it is on and in the same network."
# What ssh prints, what it means, the way out.
_CAUSES = (
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", "its host key is not the known one",
     "If it was set up anew: ssh-keygen -R {host}, then `ssh {target}` once. Otherwise do not connect."),
    ("Host key verification failed", "its host key is unknown", _ACCEPT),
    ("host key is known", "its host key is unknown", _ACCEPT),
    ("Permission denied", "it does not accept this user's key",
     "Put your key there (ssh-copy-id {target}) or load it (ssh-add). Passwords are not used."),
    ("Could not resolve hostname", "the name does not resolve", "Check the name, or use the address."),
    ("Connection refused", "no ssh server answers",
     "Turn ssh on there (sudo raspi-config, Interface Options)."),
    ("timed out", "it does not answer", _LOOK),
    ("No route to host", "there is no way to it", _LOOK),
)


class Ssh(Transport):
    """See `Transport`."""

    def __init__(self, device: str) -> None:
        super().__init__(device)
        url = urllib.parse.urlsplit(device)
        try:
            port = url.port
        except ValueError as error:
            raise InputError(f"{device!r} has a bad port.", "Expected ssh://[user@]host[:port].") from error
        host, user = url.hostname, url.username
        plain = host and _NAME.fullmatch(host) and (user is None or _NAME.fullmatch(user))
        if not plain or url.password is not None or url.path not in ("", "/") or url.query or url.fragment:
            raise InputError(
                f"{device!r} is not understood.", "Expected ssh://[user@]host[:port].",
                "Passwords do not go here: use keys.",
            )
        if shutil.which("ssh") is None:
            raise DeviceError("There is no ssh program.", "", "Install the OpenSSH client.")
        # urlsplit lowers the host's case, but aliases of the config file keep theirs.
        name = device.removeprefix("ssh://").rstrip("/").rpartition("@")[2]
        self._host = (name.removesuffix(f":{port}") if port else name.rstrip(":")).strip("[]")
        port_option = ["-p", str(port)] if port else []
        self._where = [*port_option, *(["-l", user] if user else [])]
        self._target = " ".join([*port_option, f"{user}@{self._host}" if user else self._host])
        self._folder = tempfile.mkdtemp(prefix="edgeprune-")
        self._socket = str(Path(self._folder) / "s")

    def argv(self, line: str, *, lock_holder: bool = False) -> Sequence[str]:
        """Through the shared connection, which the lock holder opens."""
        sharing = (
            ("ControlMaster=yes", "ControlPersist=no") if lock_holder
            else ("ControlMaster=no", "ProxyCommand=false", "ProxyJump=none")
        )
        settings = (*_OPTIONS, f"ControlPath={self._socket}", *sharing)
        options = [part for setting in settings for part in ("-o", setting)]
        return ["ssh", "-T", *options, *self._where, "--", self._host, line]

    def failure(self, code: int, stderr: str) -> DeviceError | None:
        """Ssh's own failures, by what it prints."""
        if code != _FAILED:
            return None
        for text, cause, way_out in _CAUSES:
            if text in stderr:
                advice = way_out.format(host=self._host, target=self._target)
                return DeviceError(f"{self.device} cannot be reached: {cause}.", "", advice)
        last = (stderr.strip().splitlines() or ["no reason given"])[-1]
        return DeviceError(f"The connection to {self.device} failed or was lost ({last}).", "", "Try again.")

    def close(self) -> None:
        """Remove the socket's folder; the connection ends with the lock holder."""
        shutil.rmtree(self._folder, ignore_errors=True)
