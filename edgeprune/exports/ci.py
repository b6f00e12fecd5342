"""`--ci`: templates for GitHub Actions, GitLab CI, fastlane and pre-commit, to copy and change."""

import re

from edgeprune.exports.literals import render
from edgeprune.exports.plan import ModelPlan

# The default of `edgeprune build`; the folder this bundle happened to lie in says nothing about the app.
_BUNDLE = "build/edgeprune"


def ci_files(plan: ModelPlan) -> dict[str, bytes]:
    """The templates by path."""
    return {
        "github.yml": render("ci/github.yml", bundle=_BUNDLE),
        "gitlab.yml": render("ci/gitlab.yml", bundle=_BUNDLE),
        "Fastfile": render("ci/Fastfile", bundle=_BUNDLE, module=plan.module, package=plan.package,
                           class_name=plan.class_name),
        "pre-commit.yml": render("ci/pre-commit.yml", bundle=_BUNDLE, bundle_pattern=re.escape(_BUNDLE)),
        "README.md": render("ci/README.md"),
    }
