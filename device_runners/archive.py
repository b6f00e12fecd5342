"""The agent as one zip: its own modules and edgeprune's light ones, tens of kB.

Some packages' `__init__` files serve the host only; empty ones take their place. Fixed time stamps make equal
sources equal bytes, so that a device can keep the zip by its hash.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from edgeprune import errors

_LIGHT = {
    "edgeprune": (
        "errors.py", "jsonable.py", "run_record.py", "types.py", "bundle/read.py", "bundle/eval_data.py",
        "metrics", "preprocessing",
    ),
    "device_runners": ("agent",),
}
_ROOTS = {"edgeprune": Path(errors.__file__).parent, "device_runners": Path(__file__).parent}
_EMPTY = ("edgeprune/__init__.py", "edgeprune/bundle/__init__.py", "device_runners/__init__.py")
_MAIN = "import sys\nfrom device_runners.agent.main import main\nsys.exit(main())\n"
_EPOCH = (1980, 1, 1, 0, 0, 0)


def agent_zip() -> bytes:
    """Content of the zip; run it as ``python3 agent.zip``."""
    files = {"__main__.py": _MAIN, **dict.fromkeys(_EMPTY, "")}
    for package, root in _ROOTS.items():
        for name in _LIGHT[package]:
            for path in _python_files(root / name):
                files[path.relative_to(root.parent).as_posix()] = path.read_text(encoding="utf-8")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _python_files(path: Path) -> list[Path]:
    return [path] if path.is_file() else sorted(path.rglob("*.py"))
