# dropbear: ssh into the guest from itself, with a key, and what ssh carries.
# proves D1 E13
# recipes: dropbear
CASES="a_command_over_ssh a_key_that_is_not_known_is_refused exit_statuses_come_back a_terminal_when_asked_for
bytes_both_ways_arrive_whole a_forwarded_port two_sessions_at_once the_hosts_key_is_remembered"

# Root's home must be root's alone for keys to count.
prepare() { # prepare PORT
	for name in dropbear dbclient dropbearkey; do ln -sf /upstream/dropbear/bin/dropbearmulti $name; done
	./dropbearkey -t ed25519 -f host > /dev/null 2>&1
	./dropbearkey -t ed25519 -f key > key.out 2>&1
	mkdir -p /root/.ssh
	chmod 700 /root /root/.ssh
	grep '^ssh-ed25519' key.out > /root/.ssh/authorized_keys
	chmod 600 /root/.ssh/authorized_keys
	rm -f /root/.ssh/known_hosts
	./dropbear -F -E -s -r host -p "127.0.0.1:$1" 2> log &
	server=$!
	port=$1
	hex=$(printf ':%04X 0' "$1")
	i=0
	until grep -q "$hex.* 0A " /proc/net/tcp || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

client() { ./dbclient -y -i key -p "$port" "$@"; }

a_command_over_ssh() {
	prepare 7401
	equal "$(client root@127.0.0.1 'echo from $(uname -m)' 2> /dev/null)" "from aarch64"
}

a_key_that_is_not_known_is_refused() {
	prepare 7402
	./dropbearkey -t ed25519 -f other > /dev/null 2>&1
	fails ./dbclient -y -i other -p 7402 root@127.0.0.1 true < /dev/null
	fails ./dbclient -y -i key -p 7402 nobody@127.0.0.1 true < /dev/null
}

exit_statuses_come_back() {
	prepare 7403
	client root@127.0.0.1 'exit 7' || status=$?
	equal "$status" 7
}

a_terminal_when_asked_for() {
	prepare 7404
	# A terminal at this end, too.
	echo "$PWD/dbclient -y -i $PWD/key -p 7404 -t root@127.0.0.1 tty" > ask
	script -q -c "sh $PWD/ask" out < /dev/null > /dev/null 2>&1 || true
	grep -q '/dev/pts/' out || { cat out log; return 1; }
	fails client root@127.0.0.1 tty < /dev/null > out 2> /dev/null
	equal "$(cat out)" "not a tty"
}

bytes_both_ways_arrive_whole() {
	prepare 7405
	dd if=/dev/urandom of=sent bs=64k count=32 2> /dev/null
	client root@127.0.0.1 cat < sent > back 2> /dev/null
	cmp sent back
}

a_forwarded_port() {
	prepare 7406
	mkdir www
	echo through > www/page
	httpd -f -p 127.0.0.1:7407 -h www &
	client -N -L 127.0.0.1:7408:127.0.0.1:7407 root@127.0.0.1 2> /dev/null &
	tunnel=$!
	i=0
	until [ "$(wget -q -O - http://127.0.0.1:7408/page 2> /dev/null)" = through ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	equal "$(wget -q -O - http://127.0.0.1:7408/page)" through
	kill $tunnel
}

two_sessions_at_once() {
	prepare 7409
	mkfifo one two
	client root@127.0.0.1 "cat $PWD/one" > out.1 2> /dev/null &
	first=$!
	client root@127.0.0.1 "cat $PWD/two" > out.2 2> /dev/null &
	second=$!
	echo for two > two
	wait $second
	echo for one > one
	wait $first
	equal "$(cat out.1 out.2 | tr '\n' ' ')" "for one for two "
}

the_hosts_key_is_remembered() {
	prepare 7410
	client root@127.0.0.1 true 2> /dev/null
	grep -q '^\[127.0.0.1\]:7410\|^127.0.0.1' /root/.ssh/known_hosts
}

. /tests/tap
