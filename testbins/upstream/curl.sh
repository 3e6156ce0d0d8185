# curl, against busybox httpd, lighttpd and openssl's server.
# proves E17 E21
# recipes: curl openssl lighttpd
# on request
CASES="a_page_of_httpd a_page_of_lighttpd two_pages_on_one_connection ranges_and_resume head_and_missing posting uploads_by_ftp
over_ipv6 over_a_unix_socket https_with_the_issuer https_of_an_unknown_issuer https_of_the_wrong_host https_client_certificate
fifty_in_parallel refused_and_timed_out"
PATH=/upstream/curl/bin:/upstream/openssl/bin:/upstream/lighttpd/bin:$PATH
export OPENSSL_CONF=/upstream/openssl/share/openssl.cnf

listens() {
	hex=$(printf ':%04X 0' "$1")
	i=0
	until cat /proc/net/tcp /proc/net/tcp6 | grep -q "$hex.* 0A " || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

web() { # web PORT: busybox httpd
	mkdir -p www
	httpd -f -p "$1" -h www &
	listens "${1##*:}"
}

lighty() { # lighty PORT LINES...
	mkdir -p www
	{
		echo 'server.document-root = "'"$PWD"'/www"'
		echo "server.port = $1"
		echo 'server.bind = "127.0.0.1"'
		echo 'server.modules = ("mod_staticfile")'
	} > conf
	port=$1
	shift
	for line; do echo "$line" >> conf; done
	lighttpd -D -f conf > log 2>&1 &
	listens "$port"
}

a_page_of_httpd() {
	web 127.0.0.1:7601
	echo page > www/a
	equal "$(curl -sS http://127.0.0.1:7601/a)" page
	equal "$(curl -sS http://localhost:7601/a)" page
}

a_page_of_lighttpd() {
	lighty 7602
	dd if=/dev/urandom of=www/big bs=64k count=32 2> /dev/null
	curl -sS -o got http://127.0.0.1:7602/big
	cmp got www/big
}

two_pages_on_one_connection() {
	lighty 7603
	echo one > www/1
	echo two > www/2
	curl -sSv http://127.0.0.1:7603/1 http://127.0.0.1:7603/2 > out 2> said
	equal "$(tr '\n' ' ' < out)" "one two "
	grep -qi 're-using existing' said
}

ranges_and_resume() {
	lighty 7604
	echo 0123456789 > www/a
	equal "$(curl -sS -r 2-5 http://127.0.0.1:7604/a)" 2345
	printf 0123 > part
	curl -sS -C - -o part http://127.0.0.1:7604/a
	cmp part www/a
}

head_and_missing() {
	lighty 7605
	echo page > www/a
	curl -sSI http://127.0.0.1:7605/a | grep -q '^Content-Length: 5'
	equal "$(curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1:7605/none)" 404
	fails curl -sSf http://127.0.0.1:7605/none
}

posting() {
	mkdir -p www/cgi-bin
	printf '#!/bin/sh\nprintf "Content-type: text/plain\\r\\n\\r\\n"\ncat | wc -c\n' > www/cgi-bin/count
	chmod 755 www/cgi-bin/count
	web 127.0.0.1:7606
	head -c 100000 /dev/zero > body
	equal "$(curl -sS -H Expect: --data-binary @body http://127.0.0.1:7606/cgi-bin/count | tr -d ' ')" 100000
}

uploads_by_ftp() {
	mkdir ftp
	tcpsvd 127.0.0.1 7607 ftpd -w -A "$PWD/ftp" &
	listens 7607
	echo content > mine
	curl -sS -T mine ftp://127.0.0.1:7607/put
	equal "$(curl -sS ftp://127.0.0.1:7607/put)" content
}

over_ipv6() {
	web '[::]:7608'
	echo six > www/a
	equal "$(curl -sS 'http://[::1]:7608/a')" six
	equal "$(curl -sS -6 http://localhost:7608/a)" six
}

over_a_unix_socket() {
	lighty 7609 '$SERVER["socket"] == "'"$PWD"'/web" { }'
	echo local > www/a
	equal "$(curl -sS --unix-socket "$PWD/web" http://localhost/a)" local
}

# An issuer and a server called localhost, which answers any request with its state.
secure() { # secure PORT OPTIONS...
	key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
	openssl req -x509 $key -keyout ca.key -out ca.pem -subj /CN=issuer -days 9000 2> /dev/null
	openssl req $key -keyout server.key -out server.csr -subj /CN=localhost 2> /dev/null
	echo subjectAltName=DNS:localhost > ext
	openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9000 -extfile ext -out server.pem 2> /dev/null
	port=$1
	shift
	openssl s_server -accept "$port" -cert server.pem -key server.key -www "$@" > server.log 2>&1 &
	listens "$port"
}

https_with_the_issuer() {
	secure 7610
	curl -sS --cacert ca.pem https://localhost:7610/ | grep -q 's_server'
}

https_of_an_unknown_issuer() {
	secure 7611
	curl -sS https://localhost:7611/ > out 2>&1 || status=$?
	equal "$status" 60
}

https_of_the_wrong_host() {
	secure 7612
	curl -sS --cacert ca.pem https://127.0.0.1:7612/ > out 2>&1 || status=$?
	equal "$status" 60
}

https_client_certificate() {
	secure 7613 -Verify 1 -CAfile ca.pem -verify_return_error
	curl -sS --cacert ca.pem --cert server.pem --key server.key https://localhost:7613/ | grep -q s_server
	fails curl -sS --cacert ca.pem https://localhost:7613/
}

fifty_in_parallel() {
	lighty 7614
	dd if=/dev/urandom of=www/data bs=1k count=100 2> /dev/null
	curl -sS -Z --parallel-max 50 'http://127.0.0.1:7614/data?[1-50]' -o 'got.#1'
	equal "$(sha256sum got.* | cut -c1-64 | sort | uniq -c | awk '{ print $1 }')" 50
}

refused_and_timed_out() {
	curl -sS http://127.0.0.1:7615/ 2> said || status=$?
	equal "$status" 7
	mkfifo never
	# Nobody ever writes: opened for both, for opening for reading alone would wait.
	nc -l -p 7617 0<> never > /dev/null &
	listens 7617
	status=0
	curl -sS -m 1 http://127.0.0.1:7617/ 2> said || status=$?
	equal "$status" 28
}

. /tests/tap
