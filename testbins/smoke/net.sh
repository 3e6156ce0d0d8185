# busybox's programs for the network, over the loopback.
# proves B3 B10 B11 D10 D13 E10 E21
CASES="ping_answers ping6_answers ping_of_nobody_fails traceroute_sees_one_step ip_shows_links_and_addresses
ip_adds_and_removes ifconfig_shows_and_sets route_and_netstat_show_tables netstat_lists_a_listener nc_talks_both_ways
nc_over_udp nc_over_ipv6 wget_from_httpd wget_spider_of_a_missing_page httpd_types_and_ranges httpd_runs_cgi
httpd_wants_a_password httpd_serves_fifty_at_once httpd_over_ipv6 ftp_gets_and_puts tftp_gets_and_puts
dnsd_answers_nslookup resolv_conf_is_asked telnetd_gives_a_shell inetd_starts_a_server ntpd_serves_the_time"

# listens PORT: waits until a TCP server does
listens() {
	hex=$(printf ':%04X 0' "$1")
	i=0
	until cat /proc/net/tcp /proc/net/tcp6 | grep -q "$hex.* 0A " || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

# hears PORT: waits until a UDP server does
hears() {
	hex=$(printf ':%04X 0' "$1")
	i=0
	until cat /proc/net/udp /proc/net/udp6 | grep -q "$hex" || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

# said WORD FILE: waits until a file has it
said() {
	i=0
	until grep -q "$1" "$2" 2> /dev/null || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

web() { # web PORT OPTIONS...: a server of this folder
	mkdir -p www
	port=$1
	shift
	httpd -f -p "$port" -h www "$@" &
	server=$!
	listens "${port##*:}"
}

ping_answers() {
	ping -c 3 -i 0.01 127.0.0.1 > out
	grep -q '3 packets transmitted, 3 packets received, 0% packet loss' out
	ping -c 1 -s 2000 127.0.0.9 | grep -q '2008 bytes from 127.0.0.9'
}

ping6_answers() {
	ping6 -c 2 -i 0.01 ::1 > out
	grep -q '2 packets transmitted, 2 packets received' out
}

ping_of_nobody_fails() {
	fails ping -c 1 -W 1 192.0.2.1
}

traceroute_sees_one_step() {
	traceroute -n -q 1 127.0.0.1 > out
	grep -q '^ *1  127.0.0.1' out
}

ip_shows_links_and_addresses() {
	ip link show lo | grep -q 'LOOPBACK,UP'
	ip -4 addr show lo | grep -q 'inet 127.0.0.1/8 '
	ip -6 addr show lo | grep -q 'inet6 ::1/128 '
	ip route get 127.0.0.1 | grep -q 'dev lo'
}

ip_adds_and_removes() {
	ip addr add 10.9.8.7/24 dev lo
	ip addr show lo | grep -q 'inet 10.9.8.7/24'
	ping -c 1 10.9.8.7 > /dev/null
	ip route add 10.77.0.0/16 via 10.9.8.1 dev lo
	ip route | grep -q '10.77.0.0/16 via 10.9.8.1'
	ip route del 10.77.0.0/16
	ip addr del 10.9.8.7/24 dev lo
	fails sh -c 'ip addr show lo | grep -q 10.9.8.7'
}

ifconfig_shows_and_sets() {
	ifconfig lo | grep -q 'inet addr:127.0.0.1  Mask:255.0.0.0'
	ifconfig lo | grep -q 'UP LOOPBACK RUNNING'
	ifconfig lo:1 10.9.9.1 netmask 255.255.255.0
	ifconfig lo:1 | grep -q 'inet addr:10.9.9.1'
	ifconfig lo:1 down
	fails sh -c 'ip addr show lo | grep -q 10.9.9.1'
}

route_and_netstat_show_tables() {
	ip addr add 10.9.7.1/24 dev lo
	route add -net 10.66.0.0 netmask 255.255.0.0 gw 10.9.7.2
	route -n | grep -q '^10.66.0.0 *10.9.7.2 *255.255.0.0 *UG'
	netstat -rn | grep -q '^10.66.0.0 *10.9.7.2'
	route del -net 10.66.0.0 netmask 255.255.0.0
	ip addr del 10.9.7.1/24 dev lo
}

netstat_lists_a_listener() {
	nc -l -p 7101 -s 127.0.0.1 > /dev/null < /dev/null &
	listens 7101
	netstat -ltn | grep -q '127.0.0.1:7101 *0.0.0.0:\* *LISTEN'
	netstat -ltnp | grep -q "7101 .*$!/"
	kill $!
}

nc_talks_both_ways() {
	nc -l -p 7102 -e cat &
	listens 7102
	equal "$(echo hello | nc 127.0.0.1 7102)" hello
}

nc_over_udp() {
	nc -u -l -p 7103 -e cat &
	server=$!
	hears 7103
	{ echo datagram; said datagram out; } | nc -u 127.0.0.1 7103 > out &
	client=$!
	said datagram out
	kill $server $client 2> /dev/null || true
	equal "$(cat out)" datagram
}

nc_over_ipv6() {
	nc -l -p 7104 -s ::1 -e cat &
	listens 7104
	equal "$(echo six | nc ::1 7104)" six
}

wget_from_httpd() {
	web 127.0.0.1:7105
	dd if=/dev/urandom of=www/data bs=64k count=16 2> /dev/null
	wget -q -O got http://127.0.0.1:7105/data
	cmp got www/data
	head -c 500000 www/data > part
	wget -q -c -O part http://127.0.0.1:7105/data
	cmp part www/data
}

wget_spider_of_a_missing_page() {
	web 127.0.0.1:7106
	echo page > www/page
	wget -q --spider http://127.0.0.1:7106/page
	fails wget -q --spider http://127.0.0.1:7106/none
	wget -O - http://127.0.0.1:7106/none 2>&1 | grep -q '404 Not Found'
}

ask() { # ask PORT LINES...: a request by hand
	port=$1
	shift
	printf '%s\r\n' "$@" '' | nc 127.0.0.1 "$port"
}

httpd_types_and_ranges() {
	web 127.0.0.1:7107
	echo '<p>' > www/a.html
	echo 0123456789 > www/a.txt
	ask 7107 'GET /a.html HTTP/1.0' | grep -q '^Content-type: text/html'
	ask 7107 'GET /a.txt HTTP/1.0' | grep -q '^Content-type: text/plain'
	ask 7107 'GET /a.txt HTTP/1.0' 'Range: bytes=2-5' > out
	grep -q '206 Partial Content' out
	equal "$(tail -c 4 out)" 2345
	ask 7107 'BREW /a.txt HTTP/1.0' | grep -q '501 Not Implemented'
	ask 7107 'GET /../etc/passwd HTTP/1.0' | grep -qE '40[0-9]'
}

httpd_runs_cgi() {
	mkdir -p www/cgi-bin
	printf '#!/bin/sh\nprintf "Content-type: text/plain\\r\\n\\r\\n"\necho "$REQUEST_METHOD $QUERY_STRING"\ncat\n' > www/cgi-bin/say
	chmod 755 www/cgi-bin/say
	web 127.0.0.1:7108
	equal "$(wget -q -O - 'http://127.0.0.1:7108/cgi-bin/say?a=1')" "GET a=1"
	equal "$(wget -q -O - --post-data posted 'http://127.0.0.1:7108/cgi-bin/say' | tr '\n' ' ')" "POST  posted"
}

httpd_wants_a_password() {
	echo '/:ada:secret' > conf
	web 127.0.0.1:7109 -c "$PWD/conf" -r realm
	echo inside > www/page
	ask 7109 'GET /page HTTP/1.0' | grep -q '401 Unauthorized'
	equal "$(wget -q -O - http://ada:secret@127.0.0.1:7109/page)" inside
	fails wget -q -O - http://ada:wrong@127.0.0.1:7109/page
}

httpd_serves_fifty_at_once() {
	web 127.0.0.1:7110
	dd if=/dev/urandom of=www/data bs=1k count=100 2> /dev/null
	sum=$(sha256sum < www/data)
	clients=
	for i in $(seq 50); do
		wget -q -O "got.$i" http://127.0.0.1:7110/data &
		clients="$clients $!"
	done
	wait $clients
	for i in $(seq 50); do equal "$(sha256sum < "got.$i")" "$sum"; done
}

httpd_over_ipv6() {
	web '[::]:7111'
	echo both > www/page
	equal "$(wget -q -O - 'http://[::1]:7111/page')" both
	equal "$(wget -q -O - http://127.0.0.1:7111/page)" both
}

ftp_gets_and_puts() {
	mkdir ftp
	echo content > ftp/file
	tcpsvd 127.0.0.1 7112 ftpd -w -A "$PWD/ftp" &
	listens 7112
	ftpget -P 7112 127.0.0.1 got file
	equal "$(cat got)" content
	echo sent > mine
	ftpput -P 7112 127.0.0.1 put mine
	equal "$(cat ftp/put)" sent
}

tftp_gets_and_puts() {
	mkdir tftp
	dd if=/dev/urandom of=tftp/file bs=700 count=9 2> /dev/null
	udpsvd -E 127.0.0.1 7113 tftpd -c "$PWD/tftp" &
	hears 7113
	tftp -g -r file -l got 127.0.0.1 7113
	cmp got tftp/file
	tftp -p -l got -r new 127.0.0.1 7113
	cmp got tftp/new
}

dnsd_answers_nslookup() {
	echo 'guest.test 10.1.2.3' > names
	dnsd -c names -i 127.0.0.1 -p 7114 > /dev/null &
	hears 7114
	nslookup -port=7114 -type=a guest.test 127.0.0.1 > out
	grep -q 'Address: 10.1.2.3' out
}

resolv_conf_is_asked() {
	echo 'guest.test 127.0.0.1' > names
	cp /etc/resolv.conf before
	echo 'nameserver 127.0.0.1' > /etc/resolv.conf
	dnsd -c names -i 127.0.0.1 > /dev/null &
	hears 53
	ping -4 -c 1 guest.test > out || true
	cp before /etc/resolv.conf
	grep -q 'PING guest.test (127.0.0.1)' out
}

telnetd_gives_a_shell() {
	telnetd -F -p 7115 -b 127.0.0.1 -l /bin/sh &
	listens 7115
	{ said '# ' out; echo 'tty; echo $((40 + 2))'; said '^42' out; echo exit; } |
		telnet 127.0.0.1 7115 > out 2>&1 || true
	grep -q '/dev/pts/' out
	grep -q '^42' out
}

inetd_starts_a_server() {
	echo '7116 stream tcp nowait root /bin/cat cat' > conf
	inetd -f "$PWD/conf" &
	listens 7116
	equal "$(echo through | nc 127.0.0.1 7116)" through
}

ntpd_serves_the_time() {
	ntpd -n -l &
	hears 123
	# Ask for nothing but the time: it need not be set, only told.
	timeout 300 ntpd -n -w -p 127.0.0.1 > out 2>&1 &
	asking=$!
	said 'reply from 127.0.0.1' out
	kill $asking || true
	grep -q 'reply from 127.0.0.1' out
}

. /tests/tap
