# shellcheck shell=bash
# check.sh -- ./dev check: every suite, one after the other, counted once each.
#
# Sourced by ./dev, with release.sh. A suite run by automake counts each TAP line of its .trs
# files. Everything else (a sanitizer run, distcheck, the package …) is one
# proof: it counts as one. The last line is "N passed, N failed, N skipped".

passed=0 failed=0 skipped=0
tried=0
check_logs=

# try COMMAND... -- its status in $tried. set -e holds in it, as it does not in
# any condition: "if try_this" goes on behind the step that failed.
try() {
	set +e
	(
		set -e
		"$@"
	)
	tried=$?
	set -e
}

# prove NAME COMMAND... -- one proof: the command's output goes to a log, shown when it fails.
prove() {
	local name=$1 log began=$SECONDS
	shift
	log=$check_logs/${name//[^a-zA-Z0-9]/-}.log
	try "$@" > "$log" 2>&1 < /dev/null
	if ((tried == 0)); then
		passed=$((passed + 1))
		say "ok      $name ($((SECONDS - began)) s)"
		grep -h UNSTEADY: "$log" || true
	else
		failed=$((failed + 1))
		say "not ok  $name ($((SECONDS - began)) s): the end of $log:"
		tail -n 120 "$log" | sed 's/^/        /'
	fi
}

# prove_beside NAME COMMAND... -- as prove, while the shell goes on; prove_rest waits for it, counts and tells it.
beside_pids=()
prove_beside() {
	local name=$1
	shift
	(
		passed=0 failed=0
		prove "$name" "$@"
		((failed == 0))
	) > "$check_logs/beside-${#beside_pids[@]}.told" 2>&1 < /dev/null &
	beside_pids+=($!)
}

prove_rest() {
	local number
	for number in "${!beside_pids[@]}"; do
		if wait "${beside_pids[number]}"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
		cat "$check_logs/beside-$number.told"
		rm -f "$check_logs/beside-$number.told"
	done
	beside_pids=()
}

# count_trs DIR -- adds the results automake left below DIR.
count_trs() {
	local result number
	while read -r number result; do
		case $result in
		PASS | XFAIL) passed=$((passed + number)) ;;
		SKIP) skipped=$((skipped + number)) ;;
		*) failed=$((failed + number)) ;;
		esac
	done < <(find "$1" -name '*.trs' -exec sed -n 's/^:test-result: \([A-Z]*\).*/\1/p' {} + | sort | uniq -c)
}

# failed_suites DIR [EXTENSION] -- the suites of which something failed, as TESTS names them.
failed_suites() {
	local trs suite
	while read -r trs; do
		suite=${trs#"$1"/}
		suite=${suite%.trs}
		for suite in "$suite" "$suite".py "$suite".test; do
			[[ ! -f $src/$suite && ! -f $1/$suite ]] || echo "$suite"
		done
	done < <(grep -lrE '^:test-result: (FAIL|ERROR|XPASS)' "$1" --include='*.trs')
}

# tell_failed DIR -- what failed below DIR, and why.
tell_failed() {
	local suite log
	for suite in $(failed_suites "$1"); do
		log=$1/${suite%.*}.log
		say "        $suite:"
		awk '/^not ok|^Bail out/ { p = 60 } /^(ok|PASS:)/ { p = 0 } p-- > 0 { print "        " $0 }' "$log" | head -n 150
	done
}

# again_alone DIR LOG -- suites that failed beside others run a second time, one by one, on a machine
# that does nothing else. What fails twice has failed. What does not is unsteady: a race in it or in
# the product, to be found; both runs are told.
again_alone() {
	local suites
	suites=$(failed_suites "$1" | grep -v '^tests/lib/' || true)
	# A product that is broken needs no second run.
	(($(wc -w <<< "$suites") >= 1 && $(wc -w <<< "$suites") <= 6)) || return 0
	tell_failed "$1"
	say "        again, alone: ${suites//$'\n'/ }"
	for suite in $suites; do
		cp "$1/${suite%.*}.log" "$check_logs/unsteady-$(basename "${suite%.*}").log"
	done
	make -C "$1" -k -j1 check TESTS="tests/lib/services-start.test ${suites//$'\n'/ } tests/lib/services-stop.test" \
		> "$2" 2>&1 < /dev/null || true
	for suite in $suites; do
		failed_suites "$1" | grep -qx "$suite" || say "        UNSTEADY: $suite failed beside others and passed alone"
	done
}

# check_suites [TESTS] -- the suites under make check: unit, static, SQL, integration, faults, corpus.
check_suites() {
	local began=$SECONDS log=$check_logs/make-check.log before=$failed
	say "        make check …"
	find "$build" -name '*.trs' -delete
	# A suite computes for a sixth of its time and waits for the rest; some compare times.
	make -C "$build" -k -j"$((jobs * 3))" check ${1:+TESTS="$1"} > "$log" 2>&1 < /dev/null || true
	again_alone "$build" "$check_logs/make-check-again.log"
	count_trs "$build"
	if ! grep -q '^# TOTAL:' "$log"; then
		failed=$((failed + 1))
		say "not ok  make check did not finish: the end of $log:"
		tail -n 40 "$log" | sed 's/^/        /'
	fi
	grep -E '^SKIP:' "$log" | sed 's/^/        /' || true
	grep -rhoE 'UNSTEADY: .*' "$build/tests" --include='*.log' | sed 's/^/        /' || true
	tell_failed "$build"
	say "$( ((failed == before)) && echo 'ok    ' || echo 'not ok')  make check ($((SECONDS - began)) s): $passed passed, $failed failed, $skipped skipped"
}

# A build with sanitizers. Lines are what a report names; -g1 knows them and is linked sooner.
# One build serves the suites and the fuzz targets, whose programs run the corpus in the suites too.
configure_asan() {
	configure_in "$build-asan" --enable-sanitizers=address,undefined --enable-fuzzing CC=clang CFLAGS="-g1 -O1"
}
configure_tsan() { configure_in "$build-tsan" --enable-sanitizers=thread CC=clang CFLAGS="-g1 -O1"; }

# The builds with sanitizers, of what the suites leave of the processors. What goes wrong goes wrong again below, and is told.
build_beside() {
	local kind
	renice -n 19 -p $BASHPID
	for kind in asan tsan; do
		"configure_$kind"
		make -C "$build-$kind" -s -j"$jobs" check TESTS=
	done
}

# sanitized KIND TEST... -- the named tests in the build for KIND: asan, tsan.
# A report that a program wrote fails the proof even when every test passed.
sanitized() {
	local dir=$build-$1 reports
	"configure_$1"
	shift
	reports=$dir/reports
	rm -rf "$reports" "$dir/again.log"
	mkdir -p "$reports"
	make -C "$dir" -s -j"$jobs" all
	export WEIR_BUILD_DIR=$dir
	export ASAN_OPTIONS="log_path=$reports/asan:detect_stack_use_after_return=1:strict_string_checks=1"
	export UBSAN_OPTIONS="log_path=$reports/ubsan:print_stacktrace=1"
	export TSAN_OPTIONS="log_path=$reports/tsan:suppressions=$src/tests/lib/tsan.supp:second_deadlock_stack=1"
	export LSAN_OPTIONS="suppressions=$src/tests/lib/lsan.supp:print_suppressions=0"
	local status=0
	# Here a suite computes for a quarter of its time, and none compares times.
	make -C "$dir" -k -j"$((jobs * 3))" check ${1:+TESTS="$*"} || status=$?
	if ((status != 0)); then
		again_alone "$dir" "$dir/again.log"
		tell_failed "$dir"
		[[ ! -s $dir/again.log || -n $(failed_suites "$dir") ]] || status=0
	fi
	if [[ -n $(ls -A "$reports") ]]; then
		head -n 60 "$reports"/*
		return 1
	fi
	return $status
}

# make_list VARIABLE -- the value of a make variable of the build.
make_list() {
	make -C "$build" -s Makefile > /dev/null 2>&1 # when it is made anew, it says so
	make -C "$build" -s --no-print-directory "print-$1"
}

# The source as a stranger gets it, as a tar: the tracked files, and what is
# about to be. As the release tarball does, it has the web app built.
source_tar() {
	cd "$src"
	if [[ -e .git ]]; then
		{
			git ls-files -z --cached --others --exclude-standard
			[[ ! -d web/dist ]] || find web/dist -type f -print0
		} | xargs -0 sh -c 'for file; do [ ! -e "$file" ] || printf "%s\0" "$file"; done' sh | tar --null -T - -cf -
	else
		tar --exclude=./build --exclude='./build-*' --exclude=./.run --exclude=./web/node_modules -cf - .
	fi
}

export_source() {
	mkdir -p "$1"
	(source_tar) | tar -C "$1" -xf -
}

distcheck() {
	# The suites ran before: here it is the tarball that is proved. What reads
	# the same C as before and takes long is left out; the code is not
	# optimized, the tarball hardly packed.
	local static
	static=$(make_list static_tests | tr ' ' '\n' | grep -v -e cppcheck -e format)
	XZ_OPT=-1 make -C "$build" -j"$jobs" distcheck DISTCHECK_CONFIGURE_FLAGS=CFLAGS=-O0 \
		TESTS="$(make_list unit_tests) ${static//$'\n'/ }"
	rm -f "$build"/weir-*.tar.xz
}

deb_build() {
	rm -rf "$build-deb"
	export_source "$build-deb/weir"
	cd "$build-deb/weir"
	# Without the packages of debugging symbols, which nothing here looks at.
	DEB_BUILD_OPTIONS="parallel=$jobs nocheck noautodbgsym" dpkg-buildpackage -us -uc -b
}

deb_lintian() {
	cd "$build-deb"
	lintian --fail-on error --allow-root --info weir_*.changes
}

deb_install() { as_root bash "$src/tests/lib/deb-install.sh" "$build-deb"/weir_*.deb; }

# A Weir as a newcomer gets it: ./dev up, then the printed curl line, then ./dev down.
dev_up() {
	local state
	state=$(mktemp -d /tmp/weir-check.XXXXXX)
	export WEIR_STATE_DIR=$state WEIR_PORT
	WEIR_PORT=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
	unset OPENAI_API_KEY
	try first_minutes "$state"
	stack down || tried=1
	rm -rf "$state"
	return $tried
}

first_minutes() {
	local state=$1 began line answer history
	stack up
	# again: nothing may break, and it takes seconds
	began=$SECONDS
	stack up
	((SECONDS - began <= 10)) || { echo "the second ./dev up took $((SECONDS - began)) s"; exit 1; }
	line=$(stack curl)
	answer=$(bash -c "$line")
	printf '%s\n' "$answer"
	grep -q '"type":"done"' <<< "$answer"
	grep -q 'data: \[DONE\]' <<< "$answer"
	# charged, and in the history
	# shellcheck disable=SC1091
	source "$state/env"
	history=$("$build/weirctl" -c "$state/weir.conf" credits history "$WEIR_LOGIN")
	printf '%s\n' "$history"
	grep -q -- - <<< "$history"
	"$build/weirctl" -c "$state/weir.conf" audit
}

fuzz_short() {
	configure_asan
	fuzz_in "$build-asan" "${WEIR_FUZZ_SECONDS:-3}"
}

# The first step of every form, which the others need.
check_build() {
	check_logs=$build/check
	mkdir -p "$check_logs"
	rm -f "$check_logs"/unsteady-*
	if ! build; then
		say "0 passed, 1 failed, 0 skipped"
		return 1
	fi
	passed=$((passed + 1))
	say "ok      build with gcc"
}

check_sum() {
	say "        $SECONDS s"
	if compgen -G "$check_logs/unsteady-*" > /dev/null; then
		say "        failed at first, see their logs: $(echo "$check_logs"/unsteady-*)"
	fi
	say "$passed passed, $failed failed, $skipped skipped"
	((failed == 0))
}

check_debian() {
	prove "Debian package builds" deb_build
	prove "lintian finds no error" deb_lintian
	prove "Debian package installs, upgrades, purges" deb_install
}

# check_all [SUITE]
check_all() {
	local only=${1:-all}
	wants() { [[ $only == all || $only == "$1" ]]; }
	local builds=
	check_build
	if wants all; then
		build_beside > "$check_logs/builds.log" 2>&1 < /dev/null &
		builds=$!
	fi
	# What runs under the sanitizers below, and tells nothing else without them, runs there.
	if [[ $only == all ]]; then check_suites "$(make_list plain_tests)"; elif wants suites; then check_suites; fi
	# From here on nothing compares times.
	[[ -z $builds ]] || wait "$builds" || true
	! wants all || release_begin "$(release_other)" quick
	# It mostly waits: beside the suites it costs little.
	! wants tsan || prove_beside "threads under the thread sanitizer" \
		sanitized tsan $(make_list thread_tests)
	if wants asan; then
		prove "suites under address and undefined sanitizers, built with clang" sanitized asan $(make_list dynamic_tests)
		count_trs "$build-asan"
	fi
	! wants fuzz || prove "fuzz targets, ${WEIR_FUZZ_SECONDS:-3} s each" fuzz_short
	! wants up || prove "dev up, the printed curl line, dev down" dev_up
	# Each has stretches that one core does.
	! wants distcheck || prove_beside "make distcheck" distcheck
	! wants deb || check_debian
	prove_rest
	! wants release || release_check "$(release_other)" quick
	check_sum
}

check_quick() {
	check_build
	check_suites "$(make_list quick_tests)"
	check_sum
}

clang_build() {
	# That clang takes it without a warning; its optimizer's work is run by the sanitizers' builds.
	configure_in "$build-clang" CC=clang CFLAGS=-O0
	make -C "$build-clang" -s -j"$jobs" check TESTS=
}

# check_inside FORM -- what release_check runs on the other release: quick or whole.
check_inside() {
	check_build
	[[ $1 == quick ]] || prove "build with clang" clang_build
	if [[ $1 == quick ]]; then
		check_suites "$(make_list quick_tests)"
	else
		check_suites "$(make_list release_tests)"
	fi
	# The logs go with the root's memory.
	((failed == 0)) || awk '/^not ok|^Bail out/ { p = 1 } !/^(not ok|Bail out|FAIL|#)/ { p = 0 } p { print "        " $0 }' \
		"$build/test-suite.log"
	[[ $1 == quick ]] || check_debian
	check_sum
}

# check_on RELEASE FORM
check_on() {
	check_logs=$build/check
	mkdir -p "$check_logs"
	release_check "$1" "$2"
	check_sum
}

# check [--quick] [--on RELEASE] | SUITE
check() {
	local form=whole release='' suite=''
	while (($# > 0)); do
		case $1 in
		--quick) form=quick ;;
		--on)
			[[ ${2:-} =~ ^[a-z]+$ ]] || die "check --on takes the name of a Debian release: trixie, bookworm"
			release=$2
			shift
			;;
		--inside)
			check_inside "$2"
			return
			;;
		suites | asan | tsan | fuzz | up | distcheck | deb | release) suite=$1 ;;
		*) die "check: no such suite: $1 (suites, asan, tsan, fuzz, up, distcheck, deb, release)" ;;
		esac
		shift
	done
	if [[ -n $release ]]; then
		check_on "$release" "$form"
	elif [[ $form == quick ]]; then
		check_quick
	else
		check_all "$suite"
	fi
}
