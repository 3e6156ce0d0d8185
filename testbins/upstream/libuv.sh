# libuv's own tests but for sockets, those that pass on Debian's Linux 6.12 in the same emulator. (Not among them: what
# depends on the machine's load or its users, what other systems alone have.)
# recipes: libuv
CASES=$(cat /tests/upstream_libuv.list)
EACH=by_runner

by_runner() {
	ifconfig lo 127.0.0.1 up
	cp -r /upstream/libuv/share/libuv/test test
	UV_RUN_AS_ROOT=1 UV_TEST_TIMEOUT_MULTIPLIER=40 timeout -s KILL 300 /upstream/libuv/bin/uv-run-tests "$1"
}

. /tests/tap
