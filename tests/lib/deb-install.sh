#!/bin/bash
# deb-install.sh DEB -- installs, upgrades and purges the package, as root, on a
# copy of this system: an overlay over / in a mount namespace of its own, gone
# when the script ends. Nothing of the host changes.
set -euo pipefail

if [[ ${1:-} != --inside ]]; then
	deb=$(readlink -f "$1")
	# mounts are private by default; IPC too, for PostgreSQL's shared memory
	exec unshare -mi bash "$0" --inside "$deb"
fi

deb=$2
top=$(mktemp -d)
trap 'umount -l "$top" 2>/dev/null; rmdir "$top"' EXIT
mount -t tmpfs none "$top"
mkdir "$top"/{upper,work,root}
mount -t overlay overlay -o "lowerdir=/,upperdir=$top/upper,workdir=$top/work" "$top/root"
mount -t tmpfs none "$top/root/run"
mount -t tmpfs none "$top/root/tmp"
mount --bind /dev "$top/root/dev"
mount -t tmpfs none "$top/root/dev/shm"
mount --bind /proc "$top/root/proc"
cp "$deb" "$top/root/tmp/weir.deb"
printf '#!/bin/sh\nexit 101\n' > "$top/root/usr/sbin/policy-rc.d"
chmod 755 "$top/root/usr/sbin/policy-rc.d"

chroot "$top/root" bash -euo pipefail <<'INSIDE'
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
step() { echo "== $*"; }
# (After "! grep" the script would go on.)
never() { if grep -E "$@"; then echo "$2 must not say so"; exit 1; fi; }

step install
dpkg -i /tmp/weir.deb > /tmp/said
never 'go on as they were' /tmp/said
getent passwd weir
for program in weir-fcgi weir-worker weirctl weir-demo; do
	"$program" --version
	man -w "$program"
done
man -w weir.conf
weirctl config check

step 'the first hour, as README.md tells it'
mkdir -p /run/postgresql
chown postgres:postgres /run/postgresql
pg_lsclusters -h | grep -q . || pg_createcluster "$(ls /usr/lib/postgresql | tail -n 1)" main
read -r version cluster _ < <(pg_lsclusters -h)
pg_ctlcluster -o "-c listen_addresses=" "$version" "$cluster" start
trap 'pg_ctlcluster -m immediate "$version" "$cluster" stop' EXIT
weirctl setup
weirctl -u postgres setup --superuser dbname=postgres
weirctl -u postgres migrate up
echo first-hour-password | weirctl user add --login admin@example.org --role admin
weirctl credits grant admin@example.org 1000
weirctl model add demo --input 150 --output 600 --context 32000 --max-output 4000 --default
echo none | weirctl channel add demo --provider openai --url http://127.0.0.1:8089/v1 --key-stdin --model demo --allow-private
weirctl audit --no-wait
weirctl doctor
pg_ctlcluster -m fast "$version" "$cluster" stop
trap - EXIT

step 'nginx takes the snippet'
cat > /tmp/nginx.conf <<'END'
error_log /tmp/error.log;
pid /tmp/nginx.pid;
events { }
http { include /etc/nginx/conf.d/weir-upstream.conf; server { listen 127.0.0.1:1; include /etc/nginx/snippets/weir.conf; } }
END
cp /tmp/nginx.conf /etc/nginx/weir-test.conf
nginx -t -e /tmp/error.log -c /etc/nginx/weir-test.conf

step 'Apache: shipped, not enabled'
test -f /etc/apache2/conf-available/weir.conf
test ! -e /etc/apache2/conf-enabled/weir.conf

step 'units are sound'
command -v systemd-analyze
found=$(systemd-analyze verify /lib/systemd/system/weir.socket /lib/systemd/system/weir.service \
	/lib/systemd/system/weir-worker.service 2>&1 | grep -E 'weir[a-z-]*\.(service|socket)' || true)
[ -z "$found" ] || { echo "$found"; exit 1; }

step 'upgrade keeps a changed configuration'
echo '# mine' >> /etc/weir/weir.conf
install -m 640 -g weir /dev/null /etc/weir/secrets.conf
# as on a system that systemd runs: what is asked of it is written down
mkdir -p /run/systemd/system
for program in systemctl deb-systemd-invoke; do
	printf '#!/bin/sh\necho "${0##*/} $*" >> /tmp/asked\n' > "/usr/local/bin/$program"
	chmod 755 "/usr/local/bin/$program"
done
dpkg --force-confold -i /tmp/weir.deb > /tmp/said
grep -qx '# mine' /etc/weir/weir.conf
test -f /etc/weir/secrets.conf

step 'upgrade neither stops nor restarts, and says what to do'
cat /tmp/asked
grep -q daemon-reload /tmp/asked
never 'stop|restart|kill' /tmp/asked
grep 'weirctl -u postgres migrate up' /tmp/said
grep 'systemctl reload weir && systemctl restart weir-worker' /tmp/said
rm -r /run/systemd/system /usr/local/bin/{systemctl,deb-systemd-invoke}

step 'remove keeps it too'
dpkg -r weir
test -f /etc/weir/secrets.conf
test ! -e /usr/sbin/weir-fcgi

step 'purge keeps uploads and says so'
dpkg -i /tmp/weir.deb
mkdir -p /var/lib/weir/uploads/01
echo kept > /var/lib/weir/uploads/01/file
dpkg -P weir > /tmp/said
grep -q kept /var/lib/weir/uploads/01/file
grep 'uploads are kept, in /var/lib/weir/uploads' /tmp/said
test ! -e /etc/weir

step 'purge without uploads leaves nothing'
rm -r /var/lib/weir/uploads/01
dpkg -i /tmp/weir.deb
dpkg -P weir > /tmp/said
never 'uploads are kept' /tmp/said
test ! -e /var/lib/weir
for path in /etc/weir /usr/share/weir /etc/nginx/snippets/weir.conf /lib/systemd/system/weir.service; do
	test ! -e "$path" || { echo "$path is left behind"; exit 1; }
done
step done
INSIDE
