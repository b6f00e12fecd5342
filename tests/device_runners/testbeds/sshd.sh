#!/bin/bash
# sshd.sh STATE PORT [ROOT] [CPU]: a stock sshd on 127.0.0.1:PORT; root only.
#
# With ROOT its sessions land in that root as user pi, emulated as QEMU's CPU; without, on this machine
# as root. Keys, config and logs are in STATE. Every mount is in a mount namespace of its own, which ends
# with the sshd. Stop it by the pid in STATE/sshd.pid.
set -euo pipefail
state=$1 port=$2 root=${3:-} cpu=${4:-}
mkdir -p "$state"; chmod 711 "$state"
for key in hostkey id; do [ -f "$state/$key" ] || ssh-keygen -q -t ed25519 -N '' -f "$state/$key"; done
cp "$state/id.pub" "$state/authorized_keys"
cat > "$state/sshd_config" <<C
Port $port
ListenAddress 127.0.0.1
HostKey $state/hostkey
PidFile $state/sshd.pid
AuthorizedKeysFile none
AuthorizedKeysCommand /bin/cat $state/authorized_keys
AuthorizedKeysCommandUser root
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PrintMotd no
UseDNS no
LogLevel VERBOSE
C
mkdir -p /run/sshd
if [ -z "$root" ]; then exec /usr/sbin/sshd -D -f "$state/sshd_config" -E "$state/sshd.log"; fi
printf 'ChrootDirectory /mnt\nSetEnv QEMU_CPU=%s\n' "$cpu" >> "$state/sshd_config"
printf 'root:*:19000:0:99999:7:::\npi:*:19000:0:99999:7:::\nsshd:*:19000:0:99999:7:::\n' > "$state/shadow"
export state root
exec unshare -m bash -euc '
mount --bind "$root/etc/passwd" /etc/passwd; mount --bind "$root/etc/group" /etc/group
mount --bind "$state/shadow" /etc/shadow
mount --bind "$root" /mnt; mount -t proc proc /mnt/proc
mount --bind "$root/etc/fake-cpuinfo" /mnt/proc/cpuinfo
mount --rbind /dev /mnt/dev
exec /usr/sbin/sshd -D -f "$state/sshd_config" -E "$state/sshd.log"'
