#!/bin/sh
# Installs what the device test beds and the native runner's tests need. Debian or Ubuntu, as root.
set -e
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
  qemu-user-static mmdebstrap openssh-server openssh-client adb iproute2 \
  cmake make gcc libc6-dev gcc-aarch64-linux-gnu libc6-dev-arm64-cross
