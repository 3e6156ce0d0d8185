# lighttpd: a web server by epoll and sendfile, on the loopback.
# proves D14 E21
# recipes: lighttpd
CASES="page_and_types keep_alive_serves_many_on_one_connection large_file_is_sent_whole ranges not_modified head_has_no_body
directory_is_listed cgi_runs fifty_at_once over_ipv6 on_a_unix_socket requests_behind_one_another bad_request
graceful_end_on_sigint"
PATH=/upstream/lighttpd/bin:$PATH

start() { # start PORT [LINES...]: a server of ./www on the loopback
	port=$1
	shift
	mkdir -p www
	{
		echo 'server.document-root = "'"$PWD"'/www"'
		echo "server.port = $port"
		echo 'server.bind = "127.0.0.1"'
		echo 'server.modules = ("mod_access", "mod_accesslog", "mod_indexfile", "mod_cgi", "mod_dirlisting", "mod_staticfile")'
		echo 'index-file.names = ("index.html")'
		echo 'mimetype.assign = (".html" => "text/html", ".txt" => "text/plain", "" => "application/octet-stream")'
		echo 'server.network-backend = "sendfile"'
		echo 'server.event-handler = "linux-sysepoll"'
		for line; do echo "$line"; done
	} > conf
	lighttpd -D -f conf > log 2>&1 &
	server=$!
	listens "$port"
}

# listens PORT: waits until a TCP server does
listens() {
	hex=$(printf ':%04X 0' "$1")
	i=0
	until cat /proc/net/tcp /proc/net/tcp6 | grep -q "$hex.* 0A " || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

ask() { # ask PORT LINES...: a request by hand
	port=$1
	shift
	printf '%s\r\n' "$@" '' | nc 127.0.0.1 "$port"
}

page_and_types() {
	start 7201
	echo '<p>' > www/index.html
	echo text > www/a.txt
	ask 7201 'GET / HTTP/1.0' > out
	grep -q '^HTTP/1.0 200 OK' out
	grep -q '^Content-Type: text/html' out
	ask 7201 'GET /a.txt HTTP/1.0' | grep -q '^Content-Type: text/plain'
	ask 7201 'GET /none HTTP/1.0' | grep -q '^HTTP/1.0 404 Not Found'
}

keep_alive_serves_many_on_one_connection() {
	start 7202
	echo one > www/1
	echo two > www/2
	ask 7202 'GET /1 HTTP/1.1' 'Host: x' '' 'GET /2 HTTP/1.1' 'Host: x' '' 'GET /1 HTTP/1.1' 'Host: x' 'Connection: close' > out
	equal "$(grep -c '^HTTP/1.1 200 OK' out)" 3
	equal "$(grep -E '^(one|two)' out | tr '\n' ' ')" "one two one "
}

large_file_is_sent_whole() {
	start 7203
	dd if=/dev/urandom of=www/big bs=64k count=48 2> /dev/null
	wget -q -O got http://127.0.0.1:7203/big
	cmp got www/big
}

ranges() {
	start 7204
	echo 0123456789 > www/a.txt
	ask 7204 'GET /a.txt HTTP/1.1' 'Host: x' 'Connection: close' 'Range: bytes=3-6' > out
	grep -q '206 Partial Content' out
	grep -q '^Content-Range: bytes 3-6/11' out
	equal "$(tail -c 4 out)" 3456
	ask 7204 'GET /a.txt HTTP/1.1' 'Host: x' 'Connection: close' 'Range: bytes=99-' | grep -q '^HTTP/1.1 416'
}

not_modified() {
	start 7205
	echo same > www/a.txt
	tag=$(ask 7205 'GET /a.txt HTTP/1.0' | sed -n 's/^ETag: \(.*\)\r$/\1/p')
	ask 7205 'GET /a.txt HTTP/1.0' "If-None-Match: $tag" | grep -q '^HTTP/1.0 304'
}

head_has_no_body() {
	start 7206
	echo body > www/a.txt
	ask 7206 'HEAD /a.txt HTTP/1.0' > out
	grep -q '^Content-Length: 5' out
	fails grep -q body out
}

directory_is_listed() {
	start 7207 'dir-listing.activate = "enable"'
	mkdir www/d
	touch www/d/inside
	ask 7207 'GET /d/ HTTP/1.0' > out
	grep -q 'href="inside"' out || { cat out log; return 1; }
}

cgi_runs() {
	start 7208 'cgi.assign = (".sh" => "/bin/sh")'
	printf 'printf "Content-Type: text/plain\\r\\n\\r\\n"\necho "$REQUEST_METHOD $QUERY_STRING"\ncat\n' > www/say.sh
	equal "$(wget -q -O - 'http://127.0.0.1:7208/say.sh?x')" "GET x"
	equal "$(wget -q -O - --post-data posted http://127.0.0.1:7208/say.sh | tr '\n' ' ')" "POST  posted"
}

fifty_at_once() {
	start 7209
	dd if=/dev/urandom of=www/data bs=1k count=300 2> /dev/null
	sum=$(sha256sum < www/data)
	clients=
	for i in $(seq 50); do
		wget -q -O "got.$i" http://127.0.0.1:7209/data &
		clients="$clients $!"
	done
	wait $clients
	for i in $(seq 50); do equal "$(sha256sum < "got.$i")" "$sum"; done
}

over_ipv6() {
	start 7210 '$SERVER["socket"] == "[::1]:7211" { }'
	listens 7211
	echo six > www/a.txt
	equal "$(wget -q -O - 'http://[::1]:7211/a.txt')" six
}

on_a_unix_socket() {
	start 7212 '$SERVER["socket"] == "'"$PWD"'/web.sock" { }'
	i=0
	until [ -S web.sock ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
	test -S web.sock
}

requests_behind_one_another() {
	start 7213
	echo x > www/x
	for i in $(seq 100); do printf 'GET /x HTTP/1.1\r\nHost: x\r\n\r\n'; done > many
	printf 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >> many
	equal "$(nc 127.0.0.1 7213 < many | grep -c '^HTTP/1.1 200 OK')" 101
}

bad_request() {
	start 7214
	ask 7214 'NONSENSE' | grep -q '400 Bad Request'
	ask 7214 'GET /../../etc/passwd HTTP/1.0' | grep -qE '^HTTP/1.0 40[0-9]'
}

graceful_end_on_sigint() {
	start 7215
	kill -INT $server
	wait $server
}

. /tests/tap
