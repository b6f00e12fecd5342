"""Where this edgeprune was installed from, for hints and templates that install it again.

A bare name would be looked up in a package index, where anybody may have registered it. Installers write
down what they were given (PEP 610, `direct_url.json`); only what came from an index is named for an index.

    installed from            install_command("host")
    a checkout, editable      pip install -e '/home/ada/edgeprune[host]'
    a wheel or a folder       pip install '/tmp/edgeprune-0.1.0-py3-none-any.whl[host]'
    a Git URL                 pip install 'edgeprune[host] @ git+https://example.org/edgeprune@4f2a…'
    an index                  pip install 'edgeprune[host]'
"""

import dataclasses
import importlib.metadata
import json
import shlex
import urllib.parse
import urllib.request
from pathlib import Path

_NAME = "edgeprune"


@dataclasses.dataclass(frozen=True)
class InstallSource:
    """A path or URL, empty for an index; `editable` is a checkout that is used where it lies."""

    place: str = ""
    local: bool = False
    editable: bool = False

    def requirement(self, extra: str = "") -> str:
        """What pip is to install, unquoted."""
        extras = f"[{extra}]" if extra else ""
        if self.local:
            return f"{self.place}{extras}"
        return f"{_NAME}{extras} @ {self.place}" if self.place else f"{_NAME}{extras}"


def install_source() -> InstallSource:
    """Where the edgeprune that runs came from.

    Installers write RECORD. What has none was not installed: an editable install leaves an egg-info in
    its checkout, which a Python that was started there finds before the record in the environment.
    """
    for distribution in importlib.metadata.distributions(name=_NAME):
        if distribution.read_text("RECORD") is not None:
            text = distribution.read_text("direct_url.json")
            return InstallSource() if text is None else _from_record(text)
    return _checkout()


def install_command(extra: str = "") -> str:
    """A shell line that installs this edgeprune with an extra."""
    source = install_source()
    flag = "-e " if source.editable else ""
    requirement = source.requirement(extra)
    quoted = shlex.quote(requirement) if "'" in requirement else f"'{requirement}'"
    return f"pip install {flag}{quoted}"


def _from_record(text: str) -> InstallSource:
    record = json.loads(text)
    url = str(record["url"])
    if url.startswith("file:"):
        path = urllib.request.url2pathname(urllib.parse.urlsplit(url).path)
        return InstallSource(path, local=True, editable=bool(record.get("dir_info", {}).get("editable")))
    if "vcs_info" in record:
        about = record["vcs_info"]
        url = f"{about['vcs']}+{url}@{about['commit_id']}"
    return InstallSource(url)


def _checkout() -> InstallSource:
    """Of a tree that is only on the import path."""
    root = Path(__file__).resolve().parents[1]
    return InstallSource(str(root), local=True, editable=(root / "pyproject.toml").is_file())
