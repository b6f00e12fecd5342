"""What a device is, how it is doing and how much memory this process has, from files of Linux and Android.

`read` gives the text of a file or None. On the device it opens the file; the host hands in the copies
it fetched where the native runner ran.
"""

from __future__ import annotations

import dataclasses
import re
import sys
from pathlib import Path
from typing import Callable, Optional, Sequence

from edgeprune.run_parts import DeviceFacts, DeviceState

Read = Callable[[str], Optional[str]]

_CPU = "/sys/devices/system/cpu/cpu0/cpufreq/"
_MODELS = ("/proc/device-tree/model", "/sys/firmware/devicetree/base/model", "/sys/class/dmi/id/product_name")
_THROTTLED = "/sys/devices/platform/soc/soc:firmware/get_throttled"
_TEMPERATURE = "/sys/class/thermal/thermal_zone0/temp"
PATHS = (
    *_MODELS, "/proc/cpuinfo", "/etc/os-release", "/proc/loadavg", "/proc/sys/kernel/osrelease",
    _CPU + "scaling_governor", _CPU + "scaling_cur_freq", _THROTTLED, _TEMPERATURE,
)
# Of some hundred flags, those that decide which kernels a runtime picks.
_FEATURES = frozenset({
    "neon", "vfpv4", "asimd", "asimdhp", "fphp", "asimddp", "i8mm", "bf16", "sve", "sve2", "sse4_1",
    "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "amx_int8",
})


def read_file(path: str) -> Optional[str]:
    """Text of a file of this machine."""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None


def status_bytes(field: str, path: str = "/proc/self/status") -> Optional[int]:
    """Memory, of this process by default: the kB after ``field:``; None where the system shows none."""
    figure = re.match(r"\d+(?= kB)", _field(read_file(path) or "", field) or "")
    return int(figure.group()) * 1024 if figure else None


def peak_bytes() -> Optional[int]:
    """The most memory that this process has had; None where the system does not tell.

    Linux and Android show it in a file. Others give `ru_maxrss`, in bytes on macOS and in kB elsewhere.
    """
    shown = status_bytes("VmHWM")
    if shown is not None:
        return shown
    try:
        import resource
    except ImportError:  # Windows
        return None
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit or None


def difference(after: Optional[int], before: Optional[int]) -> Optional[int]:
    """What was added; None where either is unknown. Never below 0: pages may be given back."""
    return None if after is None or before is None else max(after - before, 0)


def device_state(read: Read) -> DeviceState:
    """The state now."""
    load = _first(read, "/proc/loadavg")
    temperature = _number(read, _TEMPERATURE)
    throttled = _first(read, _THROTTLED)
    return DeviceState(
        clock_khz=_number(read, _CPU + "scaling_cur_freq"),
        temperature_c=None if temperature is None else temperature / 1000,
        throttled=int(throttled, 16) if throttled and re.fullmatch(r"(0x)?[0-9a-fA-F]+", throttled) else None,
        load=float(load) if load and re.fullmatch(r"\d+(\.\d+)?", load) else None,
    )


def device_facts(read: Read, arch: str, before: DeviceState, after: DeviceState) -> DeviceFacts:
    """What the device is; `arch` as `uname -m` says it."""
    cpuinfo = read("/proc/cpuinfo") or ""
    names = [text.strip("\0 \n") for text in map(read, _MODELS) if text]
    features = set((_field(cpuinfo, "Features") or _field(cpuinfo, "flags") or "").split())
    release = re.search(r'^PRETTY_NAME="?([^"\n]*)', read("/etc/os-release") or "", re.MULTILINE)
    kernel = _first(read, "/proc/sys/kernel/osrelease")
    governor = read(_CPU + "scaling_governor")
    return DeviceFacts(
        model=names[0] if names else _field(cpuinfo, "Model") or "unknown",
        soc=_field(cpuinfo, "Hardware") or _field(cpuinfo, "model name") or "unknown",
        arch=arch, cores=len(re.findall(r"^processor\s*:", cpuinfo, re.MULTILINE)) or 1,
        features=tuple(sorted(features & _FEATURES)),
        os=f"{release.group(1) if release else 'unknown'}, kernel {kernel or 'unknown'}",
        governor=governor.strip() if governor else None, before=before, after=after,
    )


def with_android(facts: DeviceFacts, properties: Sequence[str]) -> DeviceFacts:
    """`facts` with what `getprop` says: manufacturer, model, SoC and release, in this order; [] elsewhere."""
    if len(properties) < 4:
        return facts
    maker, model, soc, release = (value.strip() for value in properties[:4])
    return dataclasses.replace(
        facts, model=f"{maker} {model}".strip() or facts.model, soc=soc or facts.soc,
        os=f"Android {release}, {facts.os.rpartition(', ')[2]}",
    )


def _first(read: Read, path: str) -> Optional[str]:
    words = (read(path) or "").split()
    return words[0] if words else None


def _number(read: Read, path: str) -> Optional[int]:
    word = _first(read, path)
    return int(word) if word and re.fullmatch(r"-?\d+", word) else None


def _field(text: str, name: str) -> Optional[str]:
    match = re.search(rf"^{name}\s*:\s*(.*)$", text, re.MULTILINE)
    return match.group(1).strip() if match else None
