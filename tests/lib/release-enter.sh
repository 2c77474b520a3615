#!/bin/bash
# release-enter.sh ROOT FORM JOBS < TAR -- ./dev check inside a root of another
# release. Runs in namespaces of its own (release.sh), where it may mount: the
# root is the lower layer, everything written is memory.
set -euo pipefail

base=$1 form=$2 jobs=$3
# Each run mounts here, and sees its own only.
top=$(dirname "$base")/run
mkdir -p "$top"
mount -t tmpfs -o size=80% none "$top"
mkdir "$top"/{upper,work,root}
root=$top/root
mount -t overlay overlay -o "lowerdir=$base,upperdir=$top/upper,workdir=$top/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
for memory in run tmp dev/shm; do
	mount -t tmpfs -o mode=1777,size=80% none "$root/$memory"
done
chmod 755 "$root/run"
cp /etc/resolv.conf /etc/hosts "$root/etc/"
# Below /root, which no other user gets to: the tests must bear that.
mkdir "$root/root/weir"
tar -C "$root/root/weir" --no-same-owner -xf -
exec chroot "$root" env -i HOME=/root LANG=C.UTF-8 PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	WEIR_JOBS="$jobs" /root/weir/dev check --inside "$form"
