# redis: the server on a Unix socket, its client and its benchmark.
# proves A1
# recipes: redis
CASES="keys_over_a_unix_socket types_of_values publish_reaches_subscribers transaction_and_script blocking_pop
background_save_and_restart append_only_file many_clients_at_once large_values keys_expire client_is_killed
wrong_password_is_refused memory_is_limited"
PATH=/upstream/redis/bin:$PATH

start() { # start OPTIONS...: a server in this folder
	redis-server --port 0 --unixsocket "$PWD/s" --dir "$PWD" --save '' --daemonize no "$@" > log 2>&1 &
	server=$!
	i=0
	until redis-cli -s s ping 2> /dev/null | grep -q 'PONG\|NOAUTH' || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

stop() {
	redis-cli -s s shutdown nosave > /dev/null 2>&1 || true
	wait $server || true
}

cli() { redis-cli -s s "$@"; }

blocked() { # waits until a client is blocked
	i=0
	until cli info clients | grep -q '^blocked_clients:1.$' || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	test $i -lt 6000
}

keys_over_a_unix_socket() {
	start
	equal "$(cli set name nacre)" OK
	equal "$(cli get name)" nacre
	equal "$(cli incr count) $(cli incr count)" "1 2"
	equal "$(cli del name)" 1
	equal "$(cli exists name)" 0
	stop
	fails test -e s
}

types_of_values() {
	start
	cli rpush list a b c
	equal "$(cli lrange list 0 -1 | tr '\n' ' ')" "a b c "
	cli hset hash one 1 two 2
	equal "$(cli hget hash two)" 2
	cli zadd scores 3 c 1 a 2 b
	equal "$(cli zrange scores 0 -1 | tr '\n' ' ')" "a b c "
	cli sadd set x y x
	equal "$(cli scard set)" 2
	cli xadd stream '*' field value
	equal "$(cli xlen stream)" 1
	stop
}

publish_reaches_subscribers() {
	start
	timeout 600 redis-cli -s s subscribe news > heard &
	i=0
	until [ "$(cli publish news hello)" = 1 ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	i=0
	until grep -q hello heard || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	grep -q hello heard
	stop
}

transaction_and_script() {
	start
	printf 'multi\nset a 1\nincr a\nexec\n' | cli > out
	equal "$(tail -1 out)" 2
	equal "$(cli eval 'return redis.call("get", KEYS[1]) + 40' 1 a)" 42
	stop
}

blocking_pop() {
	start
	cli blpop queue 600 > popped &
	popper=$!
	blocked
	cli lpush queue work
	wait $popper
	equal "$(tail -1 popped)" work
	equal "$(cli blpop queue 0.2)" ""
	stop
}

background_save_and_restart() {
	start
	cli set kept yes
	cli debug populate 10000 key 64 > /dev/null
	cli bgsave
	i=0
	until cli info persistence | grep -q 'rdb_bgsave_in_progress:0' || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	cli info persistence | grep -q 'rdb_last_bgsave_status:ok'
	kill -9 $server
	wait $server || true
	rm -f s
	start
	equal "$(cli get kept)" yes
	stop
}

append_only_file() {
	start --appendonly yes --appendfsync always
	cli set a 1
	cli incr a
	cli bgrewriteaof
	kill -9 $server
	wait $server || true
	rm -f s
	start --appendonly yes
	equal "$(cli get a)" 2
	stop
}

many_clients_at_once() {
	start
	redis-benchmark -s s -q -n 2000 -c 50 -P 4 -t set,get,lpush,lrange_100 > bench
	equal "$(grep -c 'requests per second' bench)" 5
	stop
}

large_values() {
	start
	dd if=/dev/urandom bs=64k count=32 2> /dev/null | base64 > sent
	cli -x set large < sent > /dev/null
	cli get large > back
	equal "$(cli strlen large)" "$(wc -c < sent)"
	equal "$(head -c "$(wc -c < sent)" back | sha256sum)" "$(sha256sum < sent)"
	stop
}

keys_expire() {
	start
	# In one go, so that nothing takes longer than the key lives.
	equal "$(printf 'multi\nset soon gone px 300\nget soon\nexec\n' | cli | tail -1)" gone
	i=0
	until [ "$(cli exists soon)" = 0 ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	equal "$(cli exists soon)" 0
	stop
}

client_is_killed() {
	start
	cli blpop never 600 > out 2>&1 &
	waiter=$!
	blocked
	cli client kill type normal skipme yes
	wait $waiter || true
	equal "$(cli ping)" PONG
	stop
}

wrong_password_is_refused() {
	start --requirepass secret
	cli get a | grep -q NOAUTH
	equal "$(redis-cli -s s --no-auth-warning -a secret ping)" PONG
	redis-cli -s s --no-auth-warning -a secret shutdown nosave || true
	wait $server || true
}

memory_is_limited() {
	start --maxmemory 4mb --maxmemory-policy allkeys-lru
	cli debug populate 20000 key 512 > /dev/null || true
	cli set last 1
	test "$(cli dbsize)" -lt 20000
	stop
}

. /tests/tap
