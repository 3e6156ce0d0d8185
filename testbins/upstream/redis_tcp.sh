# redis over TCP: the server on the loopback, its client and its benchmark.
# proves D1 D12 E16
# recipes: redis
CASES="keys_over_tcp keys_over_ipv6 benchmark_of_many_clients pipelined_benchmark large_values_go_both_ways
clients_beyond_the_limit_are_refused idle_clients_are_dropped nobody_listens"
PATH=/upstream/redis/bin:$PATH

start() { # start PORT OPTIONS...
	port=$1
	shift
	redis-server --port "$port" --bind 127.0.0.1 ::1 --dir "$PWD" --save '' --daemonize no "$@" > "log.$port" 2>&1 &
	server=$!
	i=0
	until [ "$(redis-cli -p "$port" ping 2> /dev/null)" = PONG ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

stop() {
	redis-cli -p "$port" shutdown nosave > /dev/null 2>&1 || true
	wait $server || true
}

keys_over_tcp() {
	start 7301
	equal "$(redis-cli -p 7301 set name nacre)" OK
	equal "$(redis-cli -h 127.0.0.1 -p 7301 get name)" nacre
	redis-cli -p 7301 client list | grep -q 'addr=127.0.0.1:'
	stop
}

keys_over_ipv6() {
	start 7302
	equal "$(redis-cli -h ::1 -p 7302 ping)" PONG
	redis-cli -h ::1 -p 7302 client list | grep -q 'addr=\[::1\]:'
	stop
}

benchmark_of_many_clients() {
	start 7303
	redis-benchmark -p 7303 -q -n 2000 -c 50 -t ping,set,get,incr,lpush > bench
	equal "$(grep -c 'requests per second' bench)" 6
	stop
}

pipelined_benchmark() {
	start 7304
	redis-benchmark -p 7304 -q -n 8000 -c 20 -P 16 -d 512 -t set,get > bench
	equal "$(grep -c 'requests per second' bench)" 2
	stop
}

large_values_go_both_ways() {
	start 7305
	dd if=/dev/urandom bs=64k count=48 2> /dev/null | base64 > sent
	redis-cli -p 7305 -x set large < sent > /dev/null
	redis-cli -p 7305 get large > back
	equal "$(head -c "$(wc -c < sent)" back | sha256sum)" "$(sha256sum < sent)"
	stop
}

clients() { # clients N: waits until the server counts N of them, the one that asks included
	i=0
	until redis-cli -p "$port" info clients | grep -q "^connected_clients:$1.\$" || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	test $i -lt 6000
}

clients_beyond_the_limit_are_refused() {
	start 7308
	redis-cli -p 7308 blpop never 600 > /dev/null 2>&1 &
	waiter=$!
	redis-cli -p 7308 blpop never 600 > /dev/null 2>&1 &
	clients 3
	redis-cli -p 7308 config set maxclients 2
	redis-cli -p 7308 ping 2>&1 | grep -q 'max number of clients'
	kill $waiter $! $server
}

idle_clients_are_dropped() {
	start 7309
	mkfifo hold
	nc 127.0.0.1 7309 < hold > out 2>&1 &
	idle=$!
	exec 8> hold
	clients 2
	redis-cli -p 7309 config set timeout 1
	clients 1
	exec 8>&-
	kill $idle || true
	stop
}

nobody_listens() {
	redis-cli -p 7310 ping 2>&1 | grep -q 'Connection refused'
}

. /tests/tap
