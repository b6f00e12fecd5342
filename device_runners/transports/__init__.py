"""Ways to reach a device. Each says how to run one shell line there; `device_runners.session` does the rest.

local                        this machine, in a fresh process
ssh://[user@]host[:port]     the system's ssh, with its config, keys, agent and known hosts
adb://[serial]               the system's adb, or the one inside the adbutils package
"""

from device_runners.transports.adb import Adb
from device_runners.transports.local import Local
from device_runners.transports.ssh import Ssh
from device_runners.transports.transport import Transport
from edgeprune.errors import InputError


def open_transport(device: str) -> Transport:
    """The transport of a device name.

    Raises:
        InputError: a name of another form.
        DeviceError: the program it needs is not installed, or the device is not there.
    """
    if device == "local":
        return Local(device)
    for start, kind in (("ssh://", Ssh), ("adb://", Adb)):
        if device.startswith(start):
            return kind(device)
    raise InputError(
        f"The device {device!r} is not understood.",
        "Expected local, ssh://[user@]host[:port] or adb://[serial].", "See `edgeprune devices`.",
    )
