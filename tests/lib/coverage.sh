# shellcheck shell=bash
# coverage.sh -- ./dev coverage: how much of src/ and handlers/ the tests run.
#
# Sourced by ./dev, after check.sh. A build of its own, without optimisation,
# counts lines and branches while the unit, SQL, demo and integration suites
# and the quick ones among the faults run; gcovr adds up and coverage.py, where
# the thresholds stand, judges. The tables stay in build-coverage/coverage.txt.
#
# A process that dies by kill -9 takes its counters with it: what only such
# processes ran counts as not run. What the SQL functions do is not counted at
# all; tests/sql and tests/fault/test_history.py stand for them.

# Faults that reach what the other suites cannot, in seconds each.
coverage_faults='test_proxy|test_f05|test_f06|test_f08|test_f09|test_f11|test_outage'

coverage_run() {
	local log=$build/coverage.log faults
	configure_in "$build" --enable-coverage CFLAGS="-g -O0"
	make -C "$build" -s -j"$jobs" all
	faults=$(make_list FAULT_TESTS | tr ' ' '\n' | grep -E "$coverage_faults")
	find "$build" \( -name '*.gcda' -o -name '*.trs' \) -delete
	say "        the suites, counted …"
	# dynamic_tests begins with services-start.test and ends with services-stop.test
	make -C "$build" -k -j"$jobs" check > "$log" 2>&1 < /dev/null \
		TESTS="$(make_list dynamic_tests) $(make_list SQL_TESTS) ${faults//$'\n'/ }" || true
	count_trs "$build"
	grep -E '^(FAIL|ERROR|XPASS|SKIP):' "$log" | sed 's/^/        /' || true
	say "$passed passed, $failed failed, $skipped skipped"
}

# coverage_report -- the tables from the counters at hand.
coverage_report() {
	gcovr --root "$src" --object-directory "$build" --filter "$src/src/" --filter "$src/handlers/" \
		--exclude-throw-branches --exclude-unreachable-branches \
		--json-summary "$build/coverage.json" "$build" > /dev/null
	"$python" "$src/tests/lib/coverage.py" "$build/coverage.json" | tee "$build/coverage.txt"
}

coverage() {
	local build=$build-coverage began=$SECONDS
	[[ ${1:-} == report ]] || coverage_run
	coverage_report || failed=$((failed + 1))
	say "        $((SECONDS - began)) s; the tables are in $build/coverage.txt"
	((failed == 0))
}
