# D-Bus: the daemon on a Unix socket, dbus-send and dbus-monitor.
# proves A1
# recipes: dbus
CASES="daemon_answers_by_path daemon_answers_by_abstract_name names_are_listed monitor_sees_calls signals_reach_listeners
unknown_service_is_an_error credentials_of_a_connection_are_told other_users_are_refused many_senders_at_once
daemon_ends_and_takes_its_socket"
PATH=/upstream/dbus/bin:$PATH

configure() { # configure ADDRESS
	cat > bus.conf <<- END
	<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
	 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
	<busconfig>
	  <type>session</type>
	  <listen>$1</listen>
	  <auth>EXTERNAL</auth>
	  <policy context="default">
	    <allow send_destination="*" eavesdrop="true"/>
	    <allow eavesdrop="true"/>
	    <allow own="*"/>
	  </policy>
	</busconfig>
	END
}

start() { # start ADDRESS: a daemon in this folder
	configure "$1"
	dbus-daemon --config-file=bus.conf --nofork --print-address=3 3> address 2> log &
	daemon=$!
	i=0
	until [ -s address ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	DBUS_SESSION_BUS_ADDRESS=$(cat address)
	export DBUS_SESSION_BUS_ADDRESS
}

stop() {
	kill $daemon
	wait $daemon || true
}

call() { # call METHOD ARGUMENTS...: of the bus itself
	method=$1
	shift
	dbus-send --session --print-reply --reply-timeout=600000 --dest=org.freedesktop.DBus /org/freedesktop/DBus \
		"org.freedesktop.DBus.$method" "$@"
}

daemon_answers_by_path() {
	start "unix:path=$PWD/bus"
	call GetId > out
	grep -q 'string "[0-9a-f]*"' out
	equal "$(stat -c %F bus)" socket
	stop
}

daemon_answers_by_abstract_name() {
	start unix:abstract=/upstream/dbus
	call GetId | grep -q 'string "[0-9a-f]*"'
	grep -q '@/upstream/dbus' /proc/net/unix
	stop
}

names_are_listed() {
	start "unix:path=$PWD/bus"
	call ListNames > out
	grep -q '"org.freedesktop.DBus"' out
	grep -q '":1\.0"' out
	stop
}

monitor_sees_calls() {
	start "unix:path=$PWD/bus"
	dbus-monitor --session > seen 2>&1 &
	monitor=$!
	i=0
	until [ -s seen ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	call GetNameOwner string:org.freedesktop.DBus > /dev/null
	i=0
	until grep -q member=GetNameOwner seen || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	kill $monitor
	grep -q member=GetNameOwner seen
	stop
}

signals_reach_listeners() {
	start "unix:path=$PWD/bus"
	dbus-monitor --session "type='signal',interface='org.example.Test'" > seen 2>&1 &
	monitor=$!
	i=0
	until [ -s seen ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	i=0
	until grep -q 'string "hello"' seen || [ $i = 6000 ]; do
		dbus-send --session --type=signal / org.example.Test.Said string:hello uint32:7
		sleep 0.1
		i=$((i + 1))
	done
	kill $monitor
	grep -q 'uint32 7' seen
	stop
}

unknown_service_is_an_error() {
	start "unix:path=$PWD/bus"
	dbus-send --session --print-reply --dest=org.example.Nobody / org.example.Nobody.Call > out 2>&1 && return 1
	grep -q org.freedesktop.DBus.Error.ServiceUnknown out
	stop
}

credentials_of_a_connection_are_told() {
	start "unix:path=$PWD/bus"
	call GetConnectionUnixUser string:org.freedesktop.DBus | grep -q 'uint32 0'
	call GetConnectionUnixProcessID string:org.freedesktop.DBus | grep -q "uint32 $daemon"
	stop
}

other_users_are_refused() {
	chmod 755 .
	start "unix:path=$PWD/bus"
	chmod 777 bus
	call GetId > /dev/null
	setuidgid user dbus-send --session --print-reply --dest=org.freedesktop.DBus /org/freedesktop/DBus \
		org.freedesktop.DBus.GetId > out 2>&1 && return 1
	grep -qi 'failed\|disconnect\|denied\|reply' out
	stop
}

many_senders_at_once() {
	start "unix:path=$PWD/bus"
	for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
		call GetId > "out.$i" &
		senders="$senders $!"
	done
	wait $senders
	equal "$(cat out.* | grep -c string)" 12
	stop
}

daemon_ends_and_takes_its_socket() {
	start "unix:path=$PWD/bus"
	stop
	fails call GetId
}

. /tests/tap
