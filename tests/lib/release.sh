# shellcheck shell=bash
# release.sh -- the same checks on another release of Debian: ./dev check --on RELEASE.
#
# Sourced by ./dev, after check.sh. debootstrap makes a root of that release
# with the packages ./dev installs, once; it is kept in $release_cache. Each
# check works on a copy of the tree in a layer of memory over that root
# (release-enter.sh), gone when it ends, however it ends.

release_cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
# What only the web app's journeys and the SDKs need, and what makes this root.
release_without=" chromium fonts-noto-cjk python3-venv debootstrap "
# Beyond that the quick form does without what the package, the broker and the sanitizers need, and cppcheck.
release_without_quick=" debhelper apache2-dev lintian systemd rabbitmq-server python3-pika libclang-rt-dev cppcheck git "

# The codename of this host's Debian.
release_here() {
	# shellcheck disable=SC1091
	(. /etc/os-release && printf '%s\n' "${VERSION_CODENAME:-}")
}

# The release that ./dev check looks at beside this host's.
release_other() {
	if [[ $(release_here) == trixie ]]; then echo bookworm; else echo trixie; fi
}

# release_packages RELEASE FORM
release_packages() {
	local name names=("${packages_run[@]}" "${packages_check[@]}") without=$release_without
	[[ $1 != trixie ]] || names+=("${packages_trixie[@]}")
	[[ $2 != quick ]] || without+=$release_without_quick
	for name in "${names[@]}"; do
		[[ $without == *" $name "* ]] || printf '%s\n' "$name"
	done | sort -u
}

# Why no root of another release can be made or entered here; nothing when it can.
release_obstacle() {
	if ((EUID != 0)); then
		echo "needs root"
	elif ! command -v debootstrap > /dev/null; then
		echo "debootstrap is not installed: ./dev deps"
	elif ! unshare --mount --ipc --pid --fork true 2> /dev/null; then
		echo "file systems cannot be mounted here"
	fi
}

# release_sources RELEASE -- where this host gets its Debian from, for RELEASE, as lines of sources.list.
release_sources() {
	local here
	here=$(release_here)
	apt-get update --print-uris | sed -nE "s#^'(.*)/dists/$here(|-updates|-security)/InRelease'.*#deb \\1 $1\\2 main#p"
}

# How this host's apt fetches: proxies, time-outs, what it checks.
release_apt_conf() {
	apt-config dump | grep -E '^Acquire::(https?|ftp|Check-[A-Za-z-]*|Max-[A-Za-z-]*|Retries|ForceIPv[46])(::[^ ]*)? "..*";$' || true
}

# release_in ROOT COMMAND... -- apt's commands in a root that is being made.
release_in() {
	local root=$1
	shift
	cp /etc/resolv.conf /etc/hosts "$root/etc/"
	unshare --mount --pid --fork --kill-child bash -c '
		mount -t proc proc "$0/proc" && mount --rbind /dev "$0/dev" && exec chroot "$0" "$@"' \
		"$root" env HOME=/root LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive PATH=/usr/sbin:/usr/bin:/sbin:/bin "$@"
}

# release_install RELEASE ROOT FORM -- everything in release_packages.
release_install() {
	local release=$1 root=$2 form=$3
	release_in "$root" apt-get update -q
	# shellcheck disable=SC2046
	release_in "$root" apt-get install -q -y --no-install-recommends $(release_packages "$release" "$form")
	release_in "$root" apt-get clean
	touch "$root/.weir-packages"
	release_packages "$release" "$form" | sort -u - "$root/.weir-packages" > "$root/.weir-packages.new"
	mv "$root/.weir-packages.new" "$root/.weir-packages"
}

# release_bootstrap RELEASE ROOT
release_bootstrap() {
	local release=$1 root=$2 mirror proxy
	mirror=$(release_sources "$release" | awk -v suite="$release" '$3 == suite && !found { print $2; found = 1 }')
	proxy=$(release_apt_conf | sed -nE 's/^Acquire::http::Proxy "(.*)";$/\1/p')
	# Unset, both mean debootstrap's default.
	http_proxy=${proxy:-${http_proxy:-}} debootstrap --variant=minbase --include=ca-certificates "$release" "$root" ${mirror:+"$mirror"}
	release_apt_conf > "$root/etc/apt/apt.conf.d/00host"
	if [[ -n $mirror ]]; then
		release_sources "$release" > "$root/etc/apt/sources.list"
	fi
	cp -R /usr/local/share/ca-certificates/. "$root/usr/local/share/ca-certificates/" 2> /dev/null || true
	release_in "$root" update-ca-certificates
	printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
}

# release_ready RELEASE FORM -- is the root there, with every package?
release_ready() {
	[[ -d $release_cache/$1 && -z $(comm -23 <(release_packages "$1" "$2") "$release_cache/$1/.weir-packages") ]]
}

# release_make RELEASE FORM -- the root, made where it is missing, extended where the
# list of packages has grown. It has its name only while it is whole.
release_make() {
	local release=$1 form=$2 root=$release_cache/$1 new
	rm -rf "$root".new.*
	new=$root.new.$$
	if [[ -d $root ]]; then
		mv "$root" "$new"
	else
		release_bootstrap "$release" "$new"
	fi
	release_install "$release" "$new" "$form"
	mv "$new" "$root"
}

# release_root RELEASE FORM LOG -- there is a root with what FORM needs, and lock 7 keeps it as it is.
# Fails, its words in LOG, when none can be made.
release_root() {
	local release=$1 form=$2 log=$3 status=0
	mkdir -p "$release_cache"
	exec 7> "$release_cache/.$release.lock"
	# Shared while it is used, so that nobody changes it then.
	flock -s 7
	if ! release_ready "$release" "$form"; then
		say "        making a root of $release in $release_cache …"
		flock 7
		if ! release_ready "$release" "$form"; then
			try release_make "$release" "$form" > "$log" 2>&1 < /dev/null
			status=$tried
		fi
		flock -s 7
	fi
	return $status
}

# release_begin RELEASE FORM -- makes the root while the shell goes on: it is fetched and unpacked
# more than computed. release_check finds it, waits for it, or tries again what failed here.
release_begin() {
	[[ -z $(release_obstacle) ]] || return 0
	release_root "$1" "$2" "$check_logs/$1-root.log" > /dev/null 2>&1 < /dev/null &
}

# release_check RELEASE FORM -- ./dev check FORM on RELEASE; adds to the counts.
# FORM: quick, or whole.
release_check() {
	local release=$1 form=$2 began=$SECONDS log=$check_logs/$1.log status=0 why enter
	why=$(release_obstacle)
	if [[ -z $why ]]; then
		release_root "$release" "$form" "$log" || status=$?
		if ((status != 0)) && grep -q 'E: Failed getting release file' "$log"; then
			why="no mirror of $release can be reached"
		fi
	fi
	if [[ -n $why ]]; then
		skipped=$((skipped + 1))
		say "skip    on $release: $why"
		return
	fi
	if ((status != 0)); then
		failed=$((failed + 1))
		say "not ok  a root of $release: the end of $log:"
		tail -n 40 "$log" | sed 's/^/        /'
		return
	fi
	say "        on $release …"
	setpriv --pdeathsig KILL unshare --mount --ipc --pid --fork --kill-child \
		bash "$src/tests/lib/release-enter.sh" "$release_cache/$release" "$form" "$jobs" \
		< <(source_tar) > "$log" 2>&1 7>&- &
	enter=$!
	# Ends it at Ctrl-C too: all that runs there has a namespace that dies with it.
	trap 'kill -KILL $enter 2> /dev/null; exit 130' INT TERM HUP
	wait $enter || status=$?
	trap - INT TERM HUP
	exec 7>&-
	release_count "$release" "$log" "$status" $((SECONDS - began))
}

# release_count RELEASE LOG STATUS SECONDS -- what the check in the root found.
release_count() {
	local release=$1 log=$2 status=$3 took=$4 numbers
	sed -nE "/^(ok|not ok|skip)  /,\$s/^/        $release: /p" "$log" | sed '$d'
	numbers=$(sed -nE '$s/^([0-9]+) passed, ([0-9]+) failed, ([0-9]+) skipped$/\1 \2 \3/p' "$log")
	if [[ -z $numbers ]]; then
		numbers="0 1 0"
		tail -n 40 "$log" | sed 's/^/        /'
	fi
	read -r -a numbers <<< "$numbers"
	passed=$((passed + numbers[0])) failed=$((failed + numbers[1])) skipped=$((skipped + numbers[2]))
	say "$( ((status == 0)) && echo 'ok    ' || echo 'not ok')  on $release ($took s): ${numbers[0]} passed, ${numbers[1]} failed, ${numbers[2]} skipped; $log"
}
