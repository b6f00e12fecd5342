#!/bin/bash
# build.sh WORK [PYTHON]: makes the roots that emulated devices run from, below the folder WORK. Root only.
#
#   WORK/pi64    arm64 Debian, Python 3.11, numpy, ai-edge-litert: a 64-bit Raspberry Pi
#   WORK/pi32    armhf Debian, Python 3.11, numpy, tflite-runtime: a 32-bit Raspberry Pi
#   WORK/bare64, WORK/bare32   the same two as they come from the shop: no runtime, and pip installs nothing
#   WORK/droid   arm64 mksh, toybox, getprop and the real adbd, no Python: an Android phone
#   WORK/old     amd64 Python 3.9, numpy, tflite-runtime and their loader: WORK/old/python runs here
#   WORK/python  a folder with arm64 Python, numpy, ai-edge-litert and their loader, which runs from anywhere
#
# PYTHON fetches the wheels. What is complete is kept, so a second call is quick; see install.sh for packages.
set -euo pipefail
work=$(realpath -m "$1"); python=${2:-python3}
mkdir -p "$work"
exec 9>"$work/lock"; flock 9  # two test runs may want the same roots
merged=/usr/share/mmdebstrap/hooks/merged-usr

register_emulators() {
  local registry=/proc/sys/fs/binfmt_misc
  [ -f $registry/register ] || mount -t binfmt_misc binfmt_misc $registry
  for name in aarch64 arm; do
    [ -e $registry/qemu-$name ] || cat /usr/lib/binfmt.d/qemu-$name.conf > $registry/register
  done
}

# debian NAME ARCH SUITE PACKAGES: unpacks packages; no maintainer script runs.
# The mirror is named so that only the suite itself is read, not its updates, which change under us.
debian() {
  mmdebstrap -q --variant=extract --arch="$2" --hook-dir=$merged --include="$4" "$3" "$work/$1.new" \
    http://deb.debian.org/debian \
    >"$work/$1.log" 2>&1 || { cat "$work/$1.log" >&2; exit 1; }
}

# wheels FOLDER PLATFORMS PACKAGES...
wheels() {
  local folder=$1 platforms=$2; shift 2
  "$python" -m pip install -qq --disable-pip-version-check --no-deps --only-binary=:all: $platforms \
    --python-version 3.11 --implementation cp --target "$folder" "$@"
}

# A Pi 4 as its /sys and /proc show it. With the host's own /sys the runtime reads x86 files and crashes.
pi_files() {
  local root=$1 cpus=$1/sys/devices/system/cpu
  mkdir -p "$cpus"
  for file in possible present online; do echo 0-3 > "$cpus/$file"; done
  echo 3 > "$cpus/kernel_max"
  for core in 0 1 2 3; do
    local one=$cpus/cpu$core
    mkdir -p "$one/topology" "$one/cpufreq" "$one/regs/identification"
    echo 0 > "$one/topology/physical_package_id"; echo $core > "$one/topology/core_id"
    echo 0-3 > "$one/topology/core_siblings_list"; echo 0-3 > "$one/topology/package_cpus_list"
    echo f > "$one/topology/core_siblings"; echo $core > "$one/topology/thread_siblings_list"
    echo 1800000 > "$one/cpufreq/cpuinfo_max_freq"; echo 600000 > "$one/cpufreq/cpuinfo_min_freq"
    echo 1800000 > "$one/cpufreq/scaling_cur_freq"; echo ondemand > "$one/cpufreq/scaling_governor"
    echo 0x00000000410fd083 > "$one/regs/identification/midr_el1"
  done
  mkdir -p "$root/sys/class/thermal/thermal_zone0" "$root/sys/firmware/devicetree/base"
  echo 48312 > "$root/sys/class/thermal/thermal_zone0/temp"
  echo cpu-thermal > "$root/sys/class/thermal/thermal_zone0/type"
  printf 'Raspberry Pi 4 Model B Rev 1.4\0' > "$root/sys/firmware/devicetree/base/model"
  for core in 0 1 2 3; do
    printf 'processor\t: %d\nFeatures\t: fp asimd evtstrm crc32 cpuid half thumb neon vfpv4\n' $core
    printf 'CPU implementer\t: 0x41\nCPU architecture: 8\nCPU part\t: 0xd08\n\n'
  done > "$root/etc/fake-cpuinfo"
  printf 'Hardware\t: BCM2835\nModel\t\t: Raspberry Pi 4 Model B Rev 1.4\n' >> "$root/etc/fake-cpuinfo"
}

users() {
  printf 'root:x:0:0:root:/root:/bin/sh\nsshd:x:100:65534::/run/sshd:/usr/sbin/nologin\npi:*:1000:1000::/home/pi:/bin/bash\n' > "$1/etc/passwd"
  printf 'root:x:0:\npi:x:1000:\nnogroup:x:65534:\n' > "$1/etc/group"
  mkdir -p "$1/home/pi" "$1/proc" "$1/dev" "$1/tmp" "$1/run"
  chown 1000:1000 "$1/home/pi"; chmod 1777 "$1/tmp"; chmod 755 "$1"
}

pi64() {
  debian pi64 arm64 bookworm python3-minimal,libpython3.11-stdlib,libstdc++6,coreutils,findutils,dash,bash,procps
  wheels "$work/pi64.new/usr/local/lib/python3.11/dist-packages" \
    "--platform manylinux_2_34_aarch64 --platform manylinux_2_28_aarch64 --platform manylinux_2_27_aarch64 --platform manylinux_2_17_aarch64 --platform manylinux2014_aarch64" \
    ai-edge-litert==2.3.0 backports.strenum flatbuffers typing_extensions tqdm protobuf ml_dtypes 'numpy<2'
}

pi32() {
  debian pi32 armhf bookworm python3-minimal,libpython3.11-stdlib,python3-numpy,libstdc++6,coreutils,findutils,dash,bash,procps
  wheels "$work/pi32.new/usr/local/lib/python3.11/dist-packages" "--platform manylinux_2_34_armv7l" tflite-runtime==2.14.0
  # What the packages' unconfigured alternatives would have linked.
  local lib=$work/pi32.new/usr/lib/arm-linux-gnueabihf
  for name in blas lapack; do ln -sf $name/lib$name.so.3 "$lib/lib$name.so.3"; done
}

droid() {
  local root=$work/droid.new
  debian droid arm64 trixie toybox,mksh,adbd
  ln -sf mksh "$root/usr/bin/sh"
  mkdir -p "$root/system/bin" "$root/data/local/tmp" "$root/proc" "$root/dev" "$root/tmp" "$root/run"
  chmod 1777 "$root/tmp"
  for applet in $(qemu-aarch64-static -L "$root" "$root/usr/bin/toybox"); do
    [ -e "$root/usr/bin/$applet" ] || ln -s toybox "$root/usr/bin/$applet"
  done
  cat > "$root/usr/bin/getprop" <<'P'
#!/system/bin/sh
while IFS='=' read -r key value; do [ "$key" = "$1" ] && { echo "$value"; exit 0; }; done < /system/build.prop
echo "$2"
P
  chmod 755 "$root/usr/bin/getprop"
  printf '%s\n' ro.product.manufacturer=Google 'ro.product.model=Pixel 7' ro.product.cpu.abi=arm64-v8a \
    ro.build.version.release=14 ro.build.version.sdk=34 ro.soc.model=GS201 > "$root/system/build.prop"
  for file in "$root"/usr/bin/*; do ln -sf "/usr/bin/$(basename "$file")" "$root/system/bin/$(basename "$file")"; done
  printf 'root:x:0:0:root:/:/system/bin/sh\nshell:x:2000:2000:shell:/:/system/bin/sh\n' > "$root/etc/passwd"
  printf 'root:x:0:\nshell:x:2000:\n' > "$root/etc/group"
}

old() {
  local root=$work/old.new lib=usr/lib/x86_64-linux-gnu
  debian old amd64 bullseye python3-minimal,libpython3.9-stdlib,libstdc++6,zlib1g
  "$python" -m pip install -qq --disable-pip-version-check --no-deps --only-binary=:all: \
    --platform manylinux2014_x86_64 --python-version 3.9 --implementation cp --target "$root/wheels" tflite-runtime==2.14.0 numpy==1.26.4
  cat > "$root/python" <<P
#!/bin/sh
D=\${0%/*}
PYTHONHOME=\$D/usr PYTHONPATH=\$D/wheels exec \$D/lib/x86_64-linux-gnu/ld-2.31.so \\
  --library-path \$D/lib/x86_64-linux-gnu:\$D/$lib \$D/usr/bin/python3.9 "\$@"
P
  chmod 755 "$root/python"
}

carried_python() {
  local from=$work/pi64 to=$work/python.new packages=$work/pi64/usr/local/lib/python3.11/dist-packages
  mkdir -p "$to/lib" "$to/bin" "$to/py"
  for library in ld-linux-aarch64.so.1 libc.so.6 libm.so.6 libdl.so.2 libpthread.so.0 librt.so.1 libutil.so.1 \
      libstdc++.so.6 libgcc_s.so.1 libz.so.1 libexpat.so.1 libffi.so.8; do
    for folder in "$from/lib/aarch64-linux-gnu" "$from/usr/lib/aarch64-linux-gnu"; do
      [ -e "$folder/$library" ] && cp -L "$folder/$library" "$to/lib/"
    done || true
  done
  cp "$from/usr/bin/python3.11" "$to/bin/"
  cp -r "$from/usr/lib/python3.11" "$to/lib/"
  cp -r "$packages/numpy" "$packages/numpy.libs" "$packages/flatbuffers" "$packages/backports" \
    "$packages/typing_extensions.py" "$to/py/"
  mkdir "$to/py/ai_edge_litert"
  cp "$packages"/ai_edge_litert/{__init__.py,interpreter.py,metrics_*.py,_pywrap_litert_interpreter_wrapper.so,_pywrap_tensorflow_lite_metrics_wrapper.so,libpywrap_litert_common.so,libLiteRt.so} "$to/py/ai_edge_litert/"
  cat > "$to/python" <<'P'
#!/system/bin/sh
D=${0%/*}
PYTHONHOME=$D PYTHONPATH=$D/py exec $D/lib/ld-linux-aarch64.so.1 --library-path $D/lib $D/bin/python3.11 "$@"
P
  chmod 755 "$to/python" "$to/lib/ld-linux-aarch64.so.1"
}

# Files are shared with the other root; what is taken away, and the home, are its own.
bare() {
  cp -al "$work/pi$1" "$work/bare$1.new"
  rm -rf "$work/bare$1.new/usr/local/lib/python3.11/dist-packages"/* "$work/bare$1.new/home/pi" "$work/bare$1.new/tmp"
  mkdir -p "$work/bare$1.new/home/pi" "$work/bare$1.new/tmp"
  chown 1000:1000 "$work/bare$1.new/home/pi"; chmod 1777 "$work/bare$1.new/tmp"
  mv "$work/bare$1.new" "$work/bare$1"
}

register_emulators
for part in pi64 pi32 droid old; do
  [ -d "$work/$part" ] && continue
  rm -rf "$work/$part.new"
  $part
  pi_files "$work/$part.new"
  case $part in pi*) ln -sf python3.11 "$work/$part.new/usr/bin/python3"; users "$work/$part.new";; esac
  mv "$work/$part.new" "$work/$part"
done
for width in 64 32; do [ -d "$work/bare$width" ] || { rm -rf "$work/bare$width.new"; bare $width; }; done
[ -d "$work/python" ] || { rm -rf "$work/python.new"; carried_python; mv "$work/python.new" "$work/python"; }
