# The system as its users see it: processes, users, time, terminals, /proc.
CASES="uname_says_linux ps_shows_processes top_draws_once free_and_uptime users_and_groups su_changes_the_user
proc_self_is_oneself proc_lists_threads_and_maps kill_by_name nice_is_inherited sleep_sleeps_and_date_moves
timeout_kills pty_has_a_size tty_knows_its_name environment_is_passed setsid_makes_a_session chroot_confines
dmesg_has_lines mounts_are_listed hostname_can_be_set time_counts nohup_survives lsof_and_fuser"

# runs PID NAME: waits until a process has become this program
runs() {
	until [ "$(cat "/proc/$1/comm")" = "$2" ]; do usleep 10000; done
}

uname_says_linux() {
	equal "$(uname -s) $(uname -m)" "Linux aarch64"
	uname -r | grep -q '^6\.12\.'
	test -n "$(uname -v)"
}

ps_shows_processes() {
	sleep 100 &
	runs $! sleep
	ps | grep -q '[s]leep 100'
	ps -o pid,ppid,comm | grep -q "^ *$! *$$ *sleep"
	kill $!
}

top_draws_once() {
	top -b -n 1 > out
	grep -q '^Mem:' out
	grep -q 'PID' out
}

free_and_uptime() {
	test "$(free | awk '/^Mem:/ { print $2 }')" -gt 1000
	uptime | grep -q 'load average'
	test "$(cut -d. -f1 /proc/uptime)" -ge 0
}

users_and_groups() {
	equal "$(id -u) $(id -un)" "0 root"
	equal "$(su user -c 'id -u; id -g' | tr '\n' ' ')" "1000 1000 "
}

su_changes_the_user() {
	chmod 777 .
	su user -c "touch $PWD/mine"
	equal "$(stat -c %U mine)" user
	fails su user -c 'kill 1'
	fails su user -c 'mount -t tmpfs tmpfs /mnt'
	fails su user -c 'chown root mine'
}

proc_self_is_oneself() {
	equal "$(cut -d' ' -f1 /proc/self/stat | wc -l)" 1
	equal "$(readlink /proc/self/cwd)" "$PWD"
	equal "$(readlink /proc/$$/exe)" /bin/busybox
	tr '\0' ' ' < /proc/$$/cmdline | grep -q '@run'
	ls -l /proc/self/fd | grep -q ' 0 -> '
}

proc_lists_threads_and_maps() {
	grep -q 'r-xp.*busybox' /proc/self/maps
	grep -q '\[stack\]' /proc/self/maps
	equal "$(ls /proc/$$/task)" $$
	grep -q '^VmRSS:' /proc/self/status
	grep -q '^processor' /proc/cpuinfo
	grep -q '^MemFree:' /proc/meminfo
}

kill_by_name() {
	sleep 123 &
	runs $! sleep
	pkill -f 'sleep 123'
	status=0
	wait $! || status=$?
	equal $status 143
}

nice_is_inherited() {
	equal "$(nice -n 5 sh -c nice)" 5
	equal "$(nice -n 5 nice -n 3 nice)" 8
}

sleep_sleeps_and_date_moves() {
	before=$(date +%s)
	sleep 1.1
	test "$(date +%s)" -gt "$before"
	test "$before" -gt 1600000000
}

timeout_kills() {
	status=0
	timeout 1 sleep 100 || status=$?
	test $status != 0
}

pty_has_a_size() {
	equal "$(script -q -c 'stty rows 30 cols 90; stty size' /dev/null | tr -d '\r')" "30 90"
}

tty_knows_its_name() {
	script -q -c tty /dev/null | grep -q '^/dev/pts/'
	fails tty < /dev/null
}

environment_is_passed() {
	equal "$(VALUE=x env | grep '^VALUE=')" VALUE=x
	equal "$(env -i /bin/env | wc -l)" 0
}

setsid_makes_a_session() {
	equal "$(setsid sh -c 'cut -d" " -f5,6 /proc/$$/stat; echo $$' | tr ' ' '\n' | uniq | wc -l)" 1
}

chroot_confines() {
	mkdir -p jail/bin
	cp /bin/busybox jail/bin/sh
	equal "$(chroot jail /bin/sh -c 'cd ..; pwd; echo /*' | tr '\n' ' ')" "/ /bin "
}

dmesg_has_lines() {
	test "$(dmesg | wc -l)" -gt 0
	echo 'a mark' > /dev/kmsg
	dmesg | grep -q 'a mark'
}

mounts_are_listed() {
	grep -q ' /proc proc ' /proc/mounts
	grep -q ' /tmp tmpfs ' /proc/mounts
	mount | grep -q 'on /dev '
}

hostname_can_be_set() {
	old=$(hostname)
	hostname smoke
	equal "$(hostname) $(uname -n)" "smoke smoke"
	hostname "$old"
}

time_counts() {
	time sh -c 'i=0; while [ $i -lt 1000 ]; do i=$((i + 1)); done' 2> took
	grep -q real took
}

nohup_survives() {
	nohup sleep 100 > /dev/null 2>&1 &
	runs $! sleep
	kill -HUP $!
	usleep 100000
	kill -0 $!
	kill $!
}

lsof_and_fuser() {
	exec 5> held
	lsof | grep -q "$PWD/held"
	fuser held 2> /dev/null | grep -q "$$"
}

. /tests/tap
