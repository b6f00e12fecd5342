"""`--ci`: templates for GitHub Actions, GitLab CI, fastlane and pre-commit, to copy and change.

They install edgeprune from where it really is: `--install-from`, else where this one came from. That of a
checkout or a file on this machine is nowhere else, so a wheel in the app's repository takes its place. A bare
name is refused: anybody may register one.
"""

import re

from edgeprune.errors import InputError
from edgeprune.exports.literals import render
from edgeprune.exports.plan import ModelPlan
from edgeprune.install_source import InstallSource, install_source
from edgeprune.version import VERSION

# The default of `edgeprune build`; the folder this bundle happened to lie in says nothing about the app.
_BUNDLE = "build/edgeprune"
_WHEEL = f"edgeprune-{VERSION}-py3-none-any.whl"
# No quotes, spaces or interpolation: it stands inside a quoted word of a shell, inside YAML.
_SPEC = re.compile(r"[A-Za-z0-9._~:/@+=%,#&?-]{1,400}")
_URL = re.compile(r"(git\+)?(https|ssh|http|file)://.+")


def ci_files(plan: ModelPlan) -> dict[str, bytes]:
    """The templates by path."""
    requirement = _requirement(plan.install_from)
    own_wheel = requirement.startswith(f"./{_WHEEL}")
    note = "{}# The wheel lies at the root of the repository; README.md says how to make it.\n"
    note = note if own_wheel else ""
    way = (
        f" Make `{_WHEEL}` with `pip wheel --no-deps CHECKOUT` and commit it to the root of the app's\n"
        "repository, or export with `--install-from git+https://…`." if own_wheel else ""
    )
    return {
        "github.yml": render("ci/github.yml", bundle=_BUNDLE, requirement=requirement,
                             wheel_note=note.format(" " * 6)),
        "gitlab.yml": render("ci/gitlab.yml", bundle=_BUNDLE, requirement=requirement,
                             wheel_note=note.format(" " * 4)),
        "Fastfile": render("ci/Fastfile", bundle=_BUNDLE, module=plan.module, package=plan.package,
                           class_name=plan.class_name),
        "pre-commit.yml": render("ci/pre-commit.yml", bundle=_BUNDLE, bundle_pattern=re.escape(_BUNDLE)),
        "README.md": render("ci/README.md", requirement=requirement, way=way),
    }


def _requirement(asked: str | None) -> str:
    """What pip installs in CI.

    Raises:
        InputError: a bare name, or text that cannot stand in a shell's word.
    """
    if asked is None:
        source = install_source()
        if source.local:
            return f"./{_WHEEL}[host]"
        return source.requirement("host") + ("" if source.place else f"=={VERSION}")
    is_file = "/" in asked or asked.endswith(".whl")
    if not _SPEC.fullmatch(asked) or not is_file:
        raise InputError(
            f"--install-from is {asked[:60]!r}.",
            "A Git URL, or the path of a wheel in the app's repository, was expected.",
            "For example --install-from=git+https://example.com/team/edgeprune@v0.1.0.",
        )
    if _URL.fullmatch(asked):
        return InstallSource(asked).requirement("host")
    path = asked if asked.startswith(("/", "./", "../")) else f"./{asked}"
    return InstallSource(path, local=True).requirement("host")
