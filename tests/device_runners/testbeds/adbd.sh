#!/bin/bash
# adbd.sh ROOT NAMESPACE PORT: Debian's real adbd, emulated, in ROOT, inside the network namespace
# NAMESPACE, since adbd listens on every address. Root only. Mounts end with it.
set -euo pipefail
export root=$1 port=$3
ip netns list | grep -qw "$2" || { ip netns add "$2"; ip -n "$2" link set lo up; }
exec ip netns exec "$2" unshare -m bash -euc '
mount -t proc proc "$root/proc"; mount --bind "$root/etc/fake-cpuinfo" "$root/proc/cpuinfo"
mount --rbind /dev "$root/dev"
exec chroot "$root" /usr/bin/env -i PATH=/system/bin:/usr/bin QEMU_CPU=cortex-a72 ADBD_PORT="$port" \
  HOME=/data/local/tmp TMPDIR=/data/local/tmp /usr/lib/android-sdk/platform-tools/adbd'
