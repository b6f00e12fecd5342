"""Read what the native runner prints.

One fact a line, first the name: ``load_ns 1200``, ``latency_ns 8100 8000 …``, ``memory model VmRSS 5120``,
``state before /proc/loadavg 0.1 …``, ``output 0 7f80…`` (one sample's raw bytes in hex), at last ``done``.
"""

import contextlib
import dataclasses
from collections.abc import Iterator

import numpy as np

from device_runners.agent.facts import difference
from device_runners.agent.measure import RunTimings
from device_runners.execution import DOUBT
from edgeprune.errors import DeviceError
from edgeprune.run_parts import Memory, Runtime


@dataclasses.dataclass
class NativeOutput:
    """The lines, sorted by what they tell."""

    facts: dict[str, str] = dataclasses.field(default_factory=dict)
    memory_bytes: dict[tuple[str, str], int] = dataclasses.field(default_factory=dict)
    states: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    outputs: dict[int, list[bytes]] = dataclasses.field(default_factory=dict)

    def numbers(self, name: str) -> tuple[int, ...]:
        """Whole numbers after `name`."""
        return tuple(int(word) for word in self.facts[name].split())

    def state(self, when: str, path: str) -> str | None:
        """First line of a device's file as it was then; a `Read` once `when` is bound."""
        return self.states.get(when, {}).get(path)

    def runtime(self) -> Runtime:
        """The library's name and version."""
        return Runtime(self.facts["runtime"], self.facts.get("version") or "unknown")

    def timings(self) -> RunTimings:
        """As the Python agent measures them."""
        return RunTimings(
            self.numbers("load_ns")[0], self.numbers("first_ns")[0], self.numbers("warmup_ns"),
            self.numbers("latency_ns"),
        )

    def memory(self) -> Memory:
        """As `RunRecord` has it."""
        at = self.memory_bytes.get
        start, runtime, model = (at((when, "VmRSS")) for when in ("start", "runtime", "model"))
        peak, pss = at(("model", "VmHWM")), at(("model", "Pss"))
        return Memory(peak, model, pss, start, difference(runtime, start), difference(model, runtime))

    def array(self, index: int, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
        """Output `index` of all samples (N, …); `shape` is one sample's, batch dimension included."""
        rows = self.outputs.get(index, [])
        flat = np.frombuffer(b"".join(rows), np.dtype(dtype).newbyteorder("<")).astype(dtype)
        return flat.reshape((len(rows), *shape[1:]))


def parse(text: str, device: str) -> NativeOutput:
    """Sort the lines; `DeviceError` where they are cut short or not the runner's."""
    found = NativeOutput()
    with understood(device):
        for line in text.splitlines():
            _sort(found, line)
        complete = "done" in found.facts and found.numbers("latency_ns")
    if not complete:
        raise DeviceError(f"What the runner on {device} printed is cut short.", "", "Try again.")
    return found


@contextlib.contextmanager
def understood(device: str) -> Iterator[None]:
    """Turn what a device printed and cannot be read into a `DeviceError`."""
    try:
        yield
    except (ValueError, LookupError, TypeError, ArithmeticError) as error:
        raise _unclear(device, error) from error


def _unclear(device: str, error: Exception) -> DeviceError:
    reason = f"{type(error).__name__}: {str(error)[:200]}"
    return DeviceError(f"What the runner on {device} printed is not understood ({reason}).", "", DOUBT)


def _sort(found: NativeOutput, line: str) -> None:
    name, _, rest = line.partition(" ")
    if name == "memory":
        when, field, kilobytes = rest.split()
        found.memory_bytes[when, field] = int(kilobytes) * 1024
    elif name == "state":
        when, path, value = rest.split(" ", 2)
        found.states.setdefault(when, {})[path] = value
    elif name == "output":
        index, content = rest.split()
        found.outputs.setdefault(int(index), []).append(bytes.fromhex(content))
    else:
        found.facts[name] = rest
