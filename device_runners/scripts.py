"""The shell scripts that run on a device: POSIX sh, fit for dash, bash, mksh and toybox.

Layout on a device, below a root folder (`HOLD_LOCK` chooses it):

    files/SHA256        what was uploaded, kept for the next run, checked before each use
    files/SHA256.part   an upload that was cut; the next one goes on from there
    run.PID             one run's own folder; always removed
    /tmp/edgeprune.lock held while a run lasts (lock in the root, where /tmp cannot be written)

Arguments come as positional parameters, quoted by `command`; nothing is pasted into the text.
"""

import shlex

READY = "edgeprune-ready"

# $1 root or '' · $2 tries to get the lock, five a second · $3 seconds after which it gives up.
# Lives as long as its stdin: when the host closes it, goes away or is cut off, everything of the run
# is killed and removed.
HOLD_LOCK = """
root=${1:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/edgeprune}
mkdir -p "$root/files" 2>/dev/null && [ -w "$root" ] || root=${TMPDIR:-/tmp}/edgeprune-$(id -u)
umask 077
mkdir -p "$root/files" || { echo "no folder can be made at $root" >&2; exit 73; }
lock=${TMPDIR:-/tmp}/edgeprune.lock; [ -w "${lock%/*}" ] || lock=$root/lock
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)
tries=0
until (umask 022; mkdir "$lock") 2>/dev/null; do
  holder=$(cat "$lock/holder" 2>/dev/null); pid=${holder%% *}
  stale=
  if [ -n "$pid" ]; then
    [ "${holder#* }" = "$boot" ] && [ -d "/proc/$pid" ] || stale=1
  elif [ $tries -ge 25 ]; then stale=1; fi
  # One at a time, and only what is still there: another one may have broken it and hold it by now.
  [ -n "$stale" ] && find "$lock.break" -prune -mmin +1 -exec rmdir {} + 2>/dev/null
  if [ -n "$stale" ] && mkdir "$lock.break" 2>/dev/null; then
    broken=
    [ "$(cat "$lock/holder" 2>/dev/null)" = "$holder" ] && rm -rf "$lock" 2>/dev/null && broken=1
    rmdir "$lock.break"
    [ -n "$broken" ] && continue
  fi
  if [ $tries -ge "$2" ]; then echo "process ${pid:-?} holds $lock" >&2; exit 75; fi
  tries=$((tries + 1)); sleep 0.2
done
(umask 022; echo "$$ $boot" > "$lock/holder")
run=$root/run.$$
finish() {
  trap '' HUP INT TERM PIPE
  for file in "$run"/*.pid; do [ -f "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null; done
  kill $reader $timer 2>/dev/null
  find "$root/files" -type f -mtime +30 -exec rm -f {} + 2>/dev/null
  tries=0
  while ! rm -rf "$run" 2>/dev/null && [ $tries -lt 20 ]; do tries=$((tries + 1)); sleep 0.1; done
  rm -rf "$lock"
}
reader=; timer=
trap finish EXIT
trap 'exit 1' HUP INT TERM PIPE
rm -rf "$root"/run.*
mkdir "$run" || exit 73
exec 3<&0
cat <&3 >/dev/null 2>&1 & reader=$!
( sleep "$3" & nap=$!; trap 'kill $nap; exit' TERM; wait $nap; kill $$ ) </dev/null >/dev/null 2>&1 3<&- &
timer=$!
echo "edgeprune-ready $run $root"
wait $reader
"""

# $1 root, then pairs SHA256 BYTES. Prints per pair: SHA256 and how many good bytes are there already.
STATUS = """
cd "$1/files" || exit 73; shift
while [ $# -gt 0 ]; do
  have=0
  if [ -f "$1" ]; then
    sum=$(sha256sum "$1")
    if [ "${sum%% *}" = "$1" ]; then have=$2; touch "$1"; else rm -f "$1"; fi
  elif [ -f "$1.part" ]; then
    have=$(wc -c < "$1.part"); [ $have -lt "$2" ] || { rm -f "$1.part"; have=0; }
  fi
  echo "$1" $have; shift 2
done
"""

# $1 root · $2 SHA256 · $3 BYTES; stdin holds what is missing. 28 no space · 74 cut · 76 damaged.
STORE = """
cd "$1/files" || exit 73
error=$(LC_ALL=C cat 2>&1 >> "$2.part")
case $error in *[Ss]pace*|*[Qq]uota*) rm -f "$2.part"; echo "$error" >&2; exit 28;; esac
have=$(wc -c < "$2.part")
[ $have -ge "$3" ] || exit 74
sum=$(sha256sum "$2.part")
if [ "${sum%% *}" != "$2" ]; then rm -f "$2.part"; exit 76; fi
mv "$2.part" "$2"
"""

# $1 run folder · $2 root, then pairs NAME SHA256.
PLACE = """
cd "$1" || exit 73; files=$2/files; shift 2
while [ $# -gt 0 ]; do
  case $1 in */*) mkdir -p "${1%/*}" || exit 28;; esac
  ln "$files/$2" "$1" 2>/dev/null || cp "$files/$2" "$1" || exit 28
  shift 2
done
"""

# $1 run folder, then a command, which gets stdin. The lock holder can read its process id before it starts.
# It is a child, so that a signal that ends it becomes 128 + its number, which every transport passes on.
START = """
cd "$1" || exit 73; shift
exec 3<&0
sh -c 'echo $$ > command.pid && exec "$@"' edgeprune "$@" <&3 &
wait $!
"""

# Paths. Prints each file's name, text and a separator; what cannot be read is left out.
READ_FILES = r"""
for file in "$@"; do
  [ -r "$file" ] && { printf '%s\n' "$file"; cat "$file" 2>/dev/null; printf '\036'; }
done; true
"""


# Says on stderr that the script ended and how, which a cut connection cannot: adb then reports success.
_REPORT = """sh -c "$@"; code=$?; echo "edgeprune-exit $code" >&2; exit $code"""


def lock_holder_command(*arguments: str) -> str:
    """One line for the device's login shell that runs `HOLD_LOCK`."""
    return shlex.join(["exec", "sh", "-c", HOLD_LOCK, "edgeprune", *arguments])


def command(script: str, *arguments: str) -> str:
    """One line for the device's login shell that runs `script` and reports its end; see `split_exit`."""
    return shlex.join(["exec", "sh", "-c", _REPORT, "edgeprune", script, "edgeprune", *arguments])


def split_exit(stderr: str) -> tuple[str, int | None]:
    """The script's own stderr and its exit code; None if it did not come to its end."""
    text, mark, code = stderr.rpartition("edgeprune-exit ")
    return (text, int(code)) if mark and code.strip().isdigit() else (stderr, None)
