# socat, of upstream's sources, over every kind of Unix socket, terminals, pipes and programs.
# proves A1, A5, A6, A11
# recipes: socat
CASES="stream_by_path forking_listener_serves_many abstract_name datagram_one_way datagram_with_an_answer sequential_packets
client_tries_all_types pty_with_a_link program_on_a_terminal pipe_to_itself two_programs megabytes_both_ways
no_listener_is_refused modes_of_the_socket_file late_listener_is_waited_for accept_times_out peer_credentials
unlink_on_close"
PATH=/upstream/socat/bin:$PATH

upon() { # upon FILE: waits until it is there
	i=0
	until [ -e "$1" ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

upon_name() { # upon_name NAME: waits until the abstract name is bound
	i=0
	until grep -q "@$1" /proc/net/unix || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

# said WORD FILE: waits until a file has it
said() {
	i=0
	until grep -q "$1" "$2" 2> /dev/null || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

stream_by_path() {
	socat UNIX-LISTEN:s EXEC:'tr a-z A-Z' &
	upon s
	equal "$(echo hello | socat -t 600 - UNIX-CONNECT:s)" HELLO
	wait
}

forking_listener_serves_many() {
	socat UNIX-LISTEN:s,fork,backlog=30 EXEC:cat &
	listener=$!
	upon s
	for i in 1 2 3 4 5 6 7 8 9 10; do
		{ echo "line $i" | socat -t 600 - UNIX-CONNECT:s > "out.$i"; } &
		clients="$clients $!"
	done
	wait $clients
	kill $listener
	equal "$(cat out.* | sort | uniq | wc -l)" 10
}

abstract_name() {
	socat ABSTRACT-LISTEN:upstream.socat EXEC:cat &
	upon_name upstream.socat
	equal "$(echo abstract | socat -t 600 - ABSTRACT-CONNECT:upstream.socat)" abstract
	fails test -e upstream.socat
}

datagram_one_way() {
	socat -u UNIX-RECV:s OPEN:out,creat &
	receiver=$!
	upon s
	echo one | socat -u - UNIX-SENDTO:s
	echo two | socat -u - UNIX-SENDTO:s
	i=0
	until [ "$(wc -l < out)" = 2 ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	kill $receiver
	equal "$(cat out)" "one
two"
}

datagram_with_an_answer() {
	socat UNIX-RECVFROM:s,fork EXEC:'tr a-z A-Z' &
	server=$!
	upon s
	# A datagram has no end: the client stays until the answer is there.
	{ echo ping; said PING out; } | socat -t 0.1 - UNIX-SENDTO:s,bind=mine > out
	kill $server
	equal "$(cat out)" PING
}

sequential_packets() {
	socat UNIX-LISTEN:s,type=5 EXEC:cat &
	upon s
	equal "$(echo packet | socat -t 600 - UNIX-CONNECT:s,type=5)" packet
}

client_tries_all_types() {
	socat UNIX-LISTEN:s,type=5 EXEC:cat &
	upon s
	equal "$(echo any | socat -t 600 - UNIX-CLIENT:s)" any
}

pty_with_a_link() {
	socat PTY,link=tty,raw,echo=0 EXEC:cat &
	first=$!
	upon tty
	equal "$(dirname "$(readlink tty)")" /dev/pts
	{ echo through; said through out; } | socat -t 0.1 - OPEN:tty,raw,echo=0 > out
	kill $first
	equal "$(cat out)" through
}

program_on_a_terminal() {
	echo 'tty; stty -a < /dev/tty; sleep 0.3' > program
	socat -t 600 - EXEC:'sh program',pty,setsid,ctty,stderr < /dev/null > out
	equal "$(dirname "$(head -1 out)")" /dev/pts
	grep -q speed out
}

pipe_to_itself() {
	{ echo round; said round back; } | socat -t 0.1 - PIPE > back
	equal "$(cat back)" round
	socat -u PIPE:fifo,rdonly CREATE:out &
	upon fifo
	echo named > fifo
	wait
	equal "$(cat out)" named
}

two_programs() {
	socat -t 600 SYSTEM:'echo question; read line; echo \$line > answer' SYSTEM:'read line; echo \$line | sed s/question/answer/'
	equal "$(cat answer)" answer
}

megabytes_both_ways() {
	dd if=/dev/urandom of=sent bs=64k count=64 2> /dev/null
	socat UNIX-LISTEN:s EXEC:cat &
	upon s
	socat -t 600 OPEN:sent,rdonly!!CREATE:back UNIX-CONNECT:s
	cmp sent back
}

no_listener_is_refused() {
	socat -u UNIX-RECV:s /dev/null &
	upon s
	kill $!
	wait
	[ -e s ] || { socat -u UNIX-RECV:s,unlink-close=0 /dev/null & upon s; kill $!; wait; }
	echo x | socat -u - UNIX-CONNECT:s 2> refused && return 1
	grep -q 'Connection refused' refused
	echo x | socat -u - UNIX-CONNECT:nothing 2> missing && return 1
	grep -q 'No such file' missing
}

modes_of_the_socket_file() {
	socat UNIX-LISTEN:s,mode=620,user=1000 /dev/null &
	upon s
	i=0
	until [ "$(stat -c '%a %u %F' s)" = "620 1000 socket" ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	equal "$(stat -c '%a %u %F' s)" "620 1000 socket"
	kill $!
}

late_listener_is_waited_for() {
	{ sleep 0.5; socat -u UNIX-LISTEN:s CREATE:out; } &
	echo late | socat -u - UNIX-CONNECT:s,retry=6000,interval=0.1 2> /dev/null
	wait
	equal "$(cat out)" late
}

accept_times_out() {
	socat UNIX-LISTEN:s,accept-timeout=0.3 /dev/null 2> said
	grep -q 'timed out' said
	fails test -e s
}

peer_credentials() {
	socat -d -d -d UNIX-LISTEN:s EXEC:env 2> log &
	upon s
	socat -t 600 - UNIX-CONNECT:s < /dev/null > env
	grep -q '^SOCAT_VERSION=' env
}

unlink_on_close() {
	socat UNIX-LISTEN:s /dev/null &
	upon s
	echo | socat - UNIX-CONNECT:s
	wait
	fails test -e s
}

. /tests/tap
