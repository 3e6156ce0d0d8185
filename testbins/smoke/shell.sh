# ash itself: what a shell asks of a kernel.
CASES="pipeline_passes_every_byte exit_statuses_come_through substitution_and_here_documents redirections_of_all_kinds
background_job_is_waited_for killed_child_shows_its_signal broken_pipe_ends_the_writer trap_runs_on_a_signal
trap_runs_on_exit job_control_stops_and_continues subshells_keep_their_changes_to_themselves ulimit_is_inherited
read_with_a_timeout_gives_up script_with_a_shebang deep_pipeline many_children"

pipeline_passes_every_byte() {
	equal "$(seq 1 100000 | cat | tr '0-9' 'a-j' | tr 'a-j' '0-9' | md5sum)" "$(seq 1 100000 | md5sum)"
}

exit_statuses_come_through() {
	equal "$(sh -c 'exit 7'; echo $?)" 7
	equal "$(true | false; echo $?)" 1
	equal "$(/no/such/program 2> /dev/null; echo $?)" 127
	equal "$(/etc/passwd 2> /dev/null; echo $?)" 126
}

substitution_and_here_documents() {
	here=$(cat << END
one $((6 * 7))
two
END
	)
	equal "$here" "one 42
two"
	equal "$(echo "$(echo "$(echo deep)")")" deep
}

redirections_of_all_kinds() {
	echo one > file
	echo two >> file
	equal "$(cat < file | tr '\n' ' ')" "one two "
	sh -c 'echo out; echo err >&2' > out 2> err
	equal "$(cat out) $(cat err)" "out err"
	sh -c 'echo out; echo err >&2' > both 2>&1
	equal "$(wc -l < both)" 2
	exec 5<> file
	read -r first <&5
	echo TWO >&5
	exec 5>&-
	equal "$first $(tail -n 1 file)" "one TWO"
	set -C
	fails sh -C -c 'echo no > file'
}

background_job_is_waited_for() {
	(sleep 0.1; exit 5) &
	status=0
	wait $! || status=$?
	equal $status 5
}

killed_child_shows_its_signal() {
	sleep 100 &
	kill -TERM $!
	status=0
	wait $! || status=$?
	equal $status 143
}

broken_pipe_ends_the_writer() {
	equal "$(yes | head -n 3 | wc -l)" 3
}

trap_runs_on_a_signal() {
	equal "$(sh -c 'trap "echo caught; exit" USR1; kill -USR1 $$; sleep 5')" caught
}

trap_runs_on_exit() {
	equal "$(sh -c 'trap "echo bye" EXIT; echo hello' | tr '\n' ' ')" "hello bye "
}

job_control_stops_and_continues() {
	sleep 100 &
	pid=$!
	kill -STOP $pid
	until grep -q '^State:.*T' /proc/$pid/status; do usleep 10000; done
	kill -CONT $pid
	until grep -q '^State:.*S' /proc/$pid/status; do usleep 10000; done
	kill $pid
}

subshells_keep_their_changes_to_themselves() {
	value=outer
	(value=inner; cd /; umask 077)
	equal "$value $(umask)" "outer 0022"
	equal "$PWD" "$(pwd -P)"
}

ulimit_is_inherited() {
	equal "$(ulimit -n 64; sh -c 'ulimit -n')" 64
}

read_with_a_timeout_gives_up() {
	mkfifo pipe
	exec 6<> pipe
	fails read -r -t 1 line <&6
}

script_with_a_shebang() {
	printf '#!/bin/sh\necho "$0 $1"\n' > script
	chmod +x script
	equal "$(./script argument)" "./script argument"
	printf '#!/bin/sed -n 2p\nsecond\n' > sed.script
	chmod +x sed.script
	fails ./sed.script
}

deep_pipeline() {
	equal "$(echo x | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat | cat)" x
}

many_children() {
	i=0
	while [ $i -lt 200 ]; do
		(exit 0) &
		i=$((i + 1))
	done
	wait
	i=0
	while [ $i -lt 100 ]; do
		/bin/true
		i=$((i + 1))
	done
}

. /tests/tap
