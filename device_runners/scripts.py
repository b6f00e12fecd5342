"""The shell scripts that run on a device: POSIX sh, fit for dash, bash, mksh and toybox.

Layout on a device, below a root folder (`HOLD_LOCK` chooses it):

    files/SHA256        what was uploaded, kept for the next run, checked before each use
    files/SHA256.part   an upload that was cut; the next one goes on from there
    run.PID             one run's own folder; always removed
    venv                what `edgeprune devices --prepare` made; used where no Python is named
    /tmp/edgeprune.lock held while a run lasts (lock in the root, where /tmp cannot be written)

Arguments come as positional parameters, quoted by `command`; nothing is pasted into the text.
"""

import re
import shlex

READY = "edgeprune-ready"
WAITING = "edgeprune-waiting"  # once a second while another run holds the lock
BEGIN = "edgeprune-begin"  # a login shell's start file may print before it, on stdout and on stderr
_EXIT = "edgeprune-exit"
ANY_PYTHON = "edgeprune-python"  # the program name that stands for the prepared Python, or else python3

# Linux and Android have sha256sum and /proc; macOS has shasum and asks ps.
_SYSTEMS = r"""
command -v sha256sum >/dev/null 2>&1 || ! command -v shasum >/dev/null 2>&1 || sha256sum() { shasum -a 256; }
alive() { if [ -d /proc/self ]; then [ -d "/proc/$1" ]; else ps -p "$1" >/dev/null 2>&1; fi; }
"""

# $1 root or '' · $2 tries to get the lock, five a second · $3 seconds after which it gives up.
# Lives as long as its stdin: when the host closes it, goes away or is cut off, everything of the run
# is killed and removed.
HOLD_LOCK = _SYSTEMS + r"""
root=${1:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/edgeprune}
command -v sha256sum >/dev/null 2>&1 || { echo "there is no sha256sum" >&2; exit 77; }
umask 077
mkdir -p "$root/files" 2>/dev/null && [ -w "$root" ] || root=${TMPDIR:-/tmp}/edgeprune-$(id -u)
mkdir -p "$root/files" 2>/dev/null
# Another user may have put a folder or a link under this name; then one that nobody can foresee is made.
own() { [ -d "$1" ] && [ ! -L "$1" ] && [ -O "$1" ] && chmod go-rwx "$1" 2>/dev/null; }
passing=
if ! own "$root" || ! own "$root/files"; then
  parent=${TMPDIR:-/tmp}; [ -d "$parent" ] || parent=${root%/*}
  root=$(mktemp -d "$parent/edgeprune-XXXXXXXX") && passing=$root && mkdir "$root/files" || {
    echo "no folder can be made at $root" >&2; exit 73; }
fi
lock=${TMPDIR:-/tmp}/edgeprune.lock; [ -w "${lock%/*}" ] || lock=$root/lock
boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.bootsessionuuid 2>/dev/null)
tries=0
until (umask 022; mkdir "$lock") 2>/dev/null; do
  holder=$(cat "$lock/holder" 2>/dev/null); pid=${holder%% *}
  stale=
  if [ -n "$pid" ]; then
    [ "${holder#* }" = "$boot" ] && alive "$pid" || stale=1
  elif [ $tries -ge 25 ] && [ ! -d "$lock" ]; then
    mkdir "$lock" >&2 && continue
    exit 79
  elif [ $tries -ge 25 ]; then stale=1; fi
  # One at a time, and only what is still there: another one may have broken it and hold it by now.
  [ -n "$stale" ] && find "$lock.break" -prune -mmin +1 -exec rmdir {} + 2>/dev/null
  if [ -n "$stale" ] && mkdir "$lock.break" 2>/dev/null; then
    broken=
    [ "$(cat "$lock/holder" 2>/dev/null)" = "$holder" ] && rm -rf "$lock" 2>/dev/null && broken=1
    rmdir "$lock.break"
    [ -n "$broken" ] && continue
  fi
  [ $((tries % 5)) -eq 0 ] && echo edgeprune-waiting
  if [ $tries -ge "$2" ]; then echo "process ${pid:-?} holds $lock" >&2; exit 75; fi
  tries=$((tries + 1)); sleep 0.2
done
(umask 022; echo "$$ $boot" > "$lock/holder")
run=$root/run.$$
finish() {
  trap '' HUP INT TERM PIPE
  [ -f "$run/governors" ] && while read -r value file; do
    echo "$value" 2>/dev/null > "$file" || echo "$value" | sudo -n tee "$file"
  done < "$run/governors" >/dev/null 2>&1
  for file in "$run"/*.pid; do [ -f "$file" ] && kill -9 "$(cat "$file")" 2>/dev/null; done
  kill $reader $timer 2>/dev/null
  find "$root/files" -type f -mtime +30 -exec rm -f {} + 2>/dev/null
  tries=0
  while ! rm -rf "$run" 2>/dev/null && [ $tries -lt 20 ]; do tries=$((tries + 1)); sleep 0.1; done
  rm -rf "$lock"
  [ -n "$passing" ] && rm -rf "$passing"
}
reader=; timer=
trap finish EXIT
trap 'exit 1' HUP INT TERM PIPE
# What dead runs have left. One with another TMPDIR has another lock, and may be alive.
for other in "$root"/run.*; do
  [ "$other" != "$run" ] && alive "${other##*.}" && [ "$(cat "$other/boot" 2>/dev/null)" = "$boot" ] ||
    rm -rf "$other"
done
mkdir "$run" && echo "$boot" > "$run/boot" || exit 73
exec 3<&0
cat <&3 >/dev/null 2>&1 & reader=$!
( sleep "$3" & nap=$!; trap 'kill $nap; exit' TERM; wait $nap; kill $$ ) </dev/null >/dev/null 2>&1 3<&- &
timer=$!
printf '\nedgeprune-ready %s\n%s\n' "$run" "$root"
wait $reader
"""

# Somebody may clear the cache between two steps: the folder is made again, once, and must be this user's own.
# 73 with what stands there instead.
_ENTER_FILES = _SYSTEMS + r"""
enter() { cd "$1/files" 2>/dev/null && [ -O . ]; }
enter "$1" || { (umask 077; mkdir -p "$1/files") 2>/dev/null; enter "$1"; } || {
  ls -ld "$1" "$1/files" >&2; exit 73; }
"""

# $1 root, then pairs SHA256 BYTES. Prints per pair: SHA256 and how many good bytes are there already.
STATUS = _ENTER_FILES + """
shift
while [ $# -gt 0 ]; do
  have=0
  if [ -f "$1" ] && [ ! -L "$1" ]; then
    sum=$(sha256sum < "$1")
    if [ "${sum%% *}" = "$1" ]; then have=$2; touch "$1"; else rm -f "$1"; fi
  elif [ -f "$1.part" ]; then
    have=$(wc -c < "$1.part"); [ $have -lt "$2" ] || { rm -f "$1.part"; have=0; }
  fi
  echo "$1" $have; shift 2
done
"""

# $1 root · $2 SHA256 · $3 BYTES; stdin holds what is missing. 28 no space · 74 cut · 76 damaged.
STORE = _ENTER_FILES + """
error=$(LC_ALL=C cat 2>&1 >> "$2.part")
case $error in *[Ss]pace*|*[Qq]uota*) rm -f "$2.part"; echo "$error" >&2; exit 28;; esac
have=$(wc -c < "$2.part")
[ $have -ge "$3" ] || exit 74
sum=$(sha256sum < "$2.part")
if [ "${sum%% *}" != "$2" ]; then rm -f "$2.part"; exit 76; fi
mv "$2.part" "$2"
"""

# $1 run folder · $2 root, then pairs NAME SHA256. What will run is checked here, where it will run. 28 · 76,
# or 78: what was uploaded is gone.
PLACE = _SYSTEMS + """
cd "$1" || exit 73; files=$2/files; shift 2
while [ $# -gt 0 ]; do
  [ -f "$files/$2" ] || exit 78
  case $1 in */*) mkdir -p "${1%/*}" || exit 28;; esac
  rm -f "$1"
  ln "$files/$2" "$1" 2>/dev/null || cp "$files/$2" "$1" || exit 28
  sum=$(sha256sum < "$1")
  [ "${sum%% *}" = "$2" ] || { rm -f "$files/$2"; exit 76; }
  shift 2
done
"""

# A relative path of a user's program counts from where the login shell begins: the home on a device, the
# folder one is in on this machine. ~ is the home there.
# `edgeprune-python` is the venv beside the run's folder, or python3.
_PROGRAM = """
if [ "$program" = edgeprune-python ]; then
  program=${run%/*}/venv/bin/python; [ -x "$program" ] || program=python3
fi
case $program in '~/'*) program=$HOME/${program#??};; /*) ;; */*) program=$PWD/$program;; esac
"""

# $1 run folder, then a command, which gets stdin. The lock holder can read its process id before it starts.
# It is a child, so that a signal that ends it becomes 128 + its number, which every transport passes on.
# The shells around it can be ended by the lock holder too: a stopped one would stay for ever.
START = "run=$1; program=$2" + _PROGRAM + """
cd "$1" || exit 73; shift 2
set -- "$program" "$@"
echo $$ > shell.pid; echo $PPID > report.pid
exec 3<&0
sh -c 'echo $$ > command.pid && exec "$@"' edgeprune "$@" <&3 &
wait $!; code=$?
rm -f shell.pid report.pid command.pid
exit $code
"""

# $1 Python · $2 folder. Prints "key value" lines about the device.
PROBE = "run=$2; program=$1" + _PROGRAM + """
echo arch $(uname -m)
echo clock $(date +%s)
echo free_kb $(df -Pk "$2" 2>/dev/null | tail -n 1 | awk '{print $4}')
"$program" -c 'import sys; print("python", "%d.%d.%d" % sys.version_info[:3])' 2>/dev/null || exit 0
for name in numpy ai_edge_litert.interpreter tflite_runtime.interpreter tensorflow; do
  "$program" -c 'import importlib.util as u, sys
try: found = u.find_spec(sys.argv[1])
except ImportError: found = None
if found: print("module", sys.argv[1].partition(".")[0])' "$name" 2>/dev/null
done
true
"""

# $1 Python · $2 run folder. Prints "key value" lines about what can be installed for this Python. Its own
# width counts: a 64-bit kernel often runs 32-bit programs.
PYTHON_FACTS = "run=$2; program=$1" + _PROGRAM + """
echo kernel $(uname -m)
echo free_kb $(df -Pk "$2" 2>/dev/null | tail -n 1 | awk '{print $4}')
"$program" -c 'import platform, struct, sys
print("python", "%d.%d" % sys.version_info[:2])
print("executable", sys.executable)
print("bits", 8 * struct.calcsize("P"))
print("libc", *platform.libc_ver())
try: import venv; print("venv yes")
except ImportError: pass
try: import numpy; print("numpy", numpy.__version__)
except Exception: pass'
"""

# In the run's folder, which is removed whatever happens: $1 Python · $2 "shared" or "own" · $3 pip's wheel,
# then the wheels. pip runs out of its own wheel: Debian's Python has none, or one that refuses to install.
MAKE_VENV = """
with=; [ "$2" = shared ] && with=--system-site-packages
TMPDIR=$PWD; export TMPDIR
"$1" -m venv --without-pip $with venv || exit 1
pip=$3; shift 3
venv/bin/python "$pip/pip" --isolated install --no-index --no-deps --no-cache-dir --no-input \
  --disable-pip-version-check --quiet "$@"
"""

# $1 run folder. What was made takes the place of an earlier one at once, or not at all.
KEEP_VENV = """
root=${1%/*}
rm -rf "$root/venv.old"
[ ! -e "$root/venv" ] && [ ! -L "$root/venv" ] || mv "$root/venv" "$root/venv.old" || exit 73
mv "$1/venv" "$root/venv" || { mv "$root/venv.old" "$root/venv"; exit 73; }
rm -rf "$root/venv.old"
"""

# $1 run folder · $2 governor. The lock holder puts the old ones back, whatever happens to the run. 80 where
# there are none, 81 for an unknown one, 82 where this user may not set it.
SET_GOVERNOR = """
found=
for file in /sys/devices/system/cpu/cpu*/cpufreq/scaling_governor; do
  [ -f "$file" ] || continue
  found=1; folder=${file%/*}; old=$(cat "$file")
  [ "$old" = "$2" ] && continue
  if [ -r "$folder/scaling_available_governors" ]; then
    case " $(cat "$folder/scaling_available_governors") " in
      *" $2 "*) ;;
      *) cat "$folder/scaling_available_governors" >&2; exit 81;;
    esac
  fi
  echo "$old $file" >> "$1/governors"
  echo "$2" 2>/dev/null > "$file" || echo "$2" | sudo -n tee "$file" >/dev/null 2>&1
  [ "$(cat "$file")" = "$2" ] || { echo "$file" >&2; exit 82; }
done
[ -n "$found" ] || exit 80
"""

# Paths. Prints each file's name, text and a separator; what cannot be read is left out.
READ_FILES = r"""
for file in "$@"; do
  [ -r "$file" ] && { printf '%s\n' "$file"; cat "$file" 2>/dev/null; printf '\036'; }
done; true
"""


# Marks where the script's own output begins, and says on stderr that it ended and how, which a cut connection
# cannot: adb then reports success.
_REPORT = """echo; echo edgeprune-begin; { echo; echo edgeprune-begin; } >&2
sh -c "$@"; code=$?; echo "edgeprune-exit $code" >&2; exit $code"""
_READY = re.compile(rf"^{READY} (([^\r\n]+)/run\.[0-9]+)\r?\n\2\r?\n", re.MULTILINE)
_WAITS = re.compile(rf"^{WAITING}\r?$".encode(), re.MULTILINE)
_BEGINS = re.compile(rb"^edgeprune-begin\r?\n", re.MULTILINE)
_ENDED = re.compile(rf"(.*){_EXIT} ([0-9]{{1,3}})\s*", re.DOTALL)


def lock_holder_command(*arguments: str) -> str:
    """One line for the device's login shell that runs `HOLD_LOCK`."""
    return shlex.join(["exec", "sh", "-c", HOLD_LOCK, "edgeprune", *arguments])


def command(script: str, *arguments: str) -> str:
    """One line for the device's login shell that runs `script` and reports its end; see `split_exit`."""
    return shlex.join(["exec", "sh", "-c", _REPORT, "edgeprune", script, "edgeprune", *arguments])


def ready(printed: bytes) -> tuple[str, str] | None:
    """The run's folder and the root that the lock holder names, once it has."""
    found = _READY.search(printed.decode(errors="replace"))
    return (found[1], found[2]) if found else None


def seconds_waited(printed: bytes) -> int:
    """How long the lock holder has waited for another run, which it tells once a second; 0 at first."""
    return max(len(_WAITS.findall(printed)) - 1, 0)


def own_output(printed: bytes) -> bytes:
    """What the script printed, without what a login shell's start file printed before it."""
    found = _BEGINS.search(printed)
    return printed[found.end() :] if found else printed


def split_exit(stderr: str) -> tuple[str, int | None]:
    """The script's own stderr and its exit code; None if it did not come to its end."""
    found = _ENDED.fullmatch(stderr)
    return (found[1], int(found[2])) if found else (stderr, None)
