"""Emulated devices behind real servers; see `build.sh` for what they are made of.

They need root, Debian packages (`install.sh`) and, the first time, the package registries. Where any of
that is missing the tests that use them are skipped with the reason.
"""
