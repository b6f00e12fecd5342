#!/bin/sh
# Installs the compilers and parsers of the generated code's heavy tests. Debian or Ubuntu, as root; the
# active Python environment gets the parsers.
set -e
export DEBIAN_FRONTEND=noninteractive
need() { command -v "$1" >/dev/null || missing="$missing $2"; }
missing=
need cmake cmake
need make make
need g++ g++
need clang++ clang
need npm npm
need javac default-jdk-headless
need ruby ruby
if [ -n "$missing" ]; then
  apt-get update -qq
  # shellcheck disable=SC2086
  apt-get install -y -qq --no-install-recommends $missing
fi
place=${EDGEPRUNE_COMPILERS:-/var/tmp/edgeprune-compilers}
npm install --silent --no-save --prefix "$place" kotlin-compiler@2.4.20
# Swift comes with Debian 13 and later; where this system has none, in a Debian 13 of its own below $place.
if ! command -v swiftc >/dev/null && [ ! -d "$place/trixie" ]; then
  if apt-cache show swiftlang >/dev/null 2>&1; then
    apt-get install -y -qq --no-install-recommends swiftlang
  else
    apt-get install -y -qq --no-install-recommends mmdebstrap
    mmdebstrap --quiet --variant=minbase --include=swiftlang,libc6-dev trixie "$place/trixie.new"
    mv "$place/trixie.new" "$place/trixie"
  fi
fi
chmod +x "$place"/node_modules/kotlin-compiler/bin/*
python3 -m pip install -q tree-sitter tree-sitter-kotlin tree-sitter-swift pyyaml setuptools wheel
