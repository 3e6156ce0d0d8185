# openssl: TLS over the loopback between s_server and s_client, and with socat at either end.
# proves D14 E17 E18
# recipes: openssl socat-openssl
CASES="a_word_each_way version_1_2_too the_servers_name_is_told the_wrong_host_is_refused an_unknown_issuer_is_refused
issuers_in_a_folder a_client_with_certificate a_client_without_certificate_is_refused the_application_protocol_is_agreed_on
socat_to_s_server s_client_to_socat socat_both_ways socat_refuses_the_wrong_host socat_wants_the_clients_certificate
megabytes_through_tls over_ipv6 tls_becomes_of_a_plain_connection digests_and_keys"
PATH=/upstream/openssl/bin:/upstream/socat-openssl/bin:$PATH
export OPENSSL_CONF=/upstream/openssl/share/openssl.cnf

# An issuer, a server called server.test and a client, with a key of P-256 each.
identities() {
	key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
	openssl req -x509 $key -keyout ca.key -out ca.pem -subj /CN=issuer -days 9000 2> /dev/null
	for name in server client; do
		openssl req $key -keyout $name.key -out $name.csr -subj "/CN=$name.test" 2> /dev/null
		echo "subjectAltName=DNS:$name.test" > $name.ext
		openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 9000 -extfile $name.ext -out $name.pem 2> /dev/null
		cat $name.pem $name.key > $name.both
	done
}

listens() {
	hex=$(printf ':%04X 0' "$1")
	i=0
	until cat /proc/net/tcp /proc/net/tcp6 | grep -q "$hex.* 0A " || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

serve() { # serve PORT OPTIONS...: sends back what comes, lines turned round
	port=$1
	shift
	openssl s_server -accept "127.0.0.1:$port" -cert server.pem -key server.key -rev "$@" > server.log 2>&1 &
	server=$!
	listens "$port"
}

# until_over WORD FILE: waits until a file has it, or nothing will come any more
until_over() {
	i=0
	until grep -q "$1" "$2" || [ -e over ] || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

# client PORT OPTIONS...: sends a line, waits for the answer, which is the last line
client() {
	port=$1
	shift
	rm -f over
	: > client.out
	{ echo hello; until_over olleh client.out; } | {
		openssl s_client -connect "127.0.0.1:$port" -CAfile ca.pem -verify_return_error "$@" > client.out 2>&1 &&
			status=0 || status=$?
		touch over
		[ $status = 0 ]
	}
}

a_word_each_way() {
	identities
	serve 7501
	client 7501
	grep -q '^olleh' client.out
	grep -q 'Verify return code: 0 (ok)' client.out
	grep -q 'TLSv1.3' client.out
}

version_1_2_too() {
	identities
	serve 7502 -tls1_2
	client 7502
	grep -q '^olleh' client.out
	grep -q 'TLSv1.2' client.out
}

the_servers_name_is_told() {
	identities
	serve 7503 -servername other.test -cert2 client.pem -key2 client.key
	client 7503 -servername other.test
	grep -q 'subject=CN *= *client.test' client.out
	client 7503 -servername server.test
	grep -q 'subject=CN *= *server.test' client.out
}

the_wrong_host_is_refused() {
	identities
	serve 7504
	client 7504 -verify_hostname server.test
	fails client 7504 -verify_hostname other.test
	grep -qi 'hostname mismatch' client.out
}

an_unknown_issuer_is_refused() {
	identities
	serve 7505
	fails openssl s_client -connect 127.0.0.1:7505 -CAfile client.pem -verify_return_error < /dev/null > client.out 2>&1
	grep -q 'unable to get local issuer certificate' client.out
}

issuers_in_a_folder() {
	identities
	mkdir folder
	cp ca.pem "folder/$(openssl x509 -hash -noout -in ca.pem).0"
	serve 7506
	openssl s_client -connect 127.0.0.1:7506 -CApath folder -verify_return_error < /dev/null > client.out 2>&1
	grep -q 'Verify return code: 0 (ok)' client.out
}

a_client_with_certificate() {
	identities
	serve 7507 -Verify 1 -CAfile ca.pem -verify_return_error
	client 7507 -cert client.pem -key client.key
	grep -q '^olleh' client.out
}

a_client_without_certificate_is_refused() {
	identities
	serve 7508 -Verify 1 -CAfile ca.pem -verify_return_error -tls1_2
	fails openssl s_client -connect 127.0.0.1:7508 -CAfile ca.pem < /dev/null > client.out 2>&1
}

the_application_protocol_is_agreed_on() {
	identities
	serve 7509 -alpn h2,http/1.1
	client 7509 -alpn spdy,http/1.1
	grep -q 'ALPN protocol: http/1.1' client.out
}

through() { # through PORT OPTIONS: what socat gets back for a line
	rm -f over
	: > through.out
	{ echo hello; until_over . through.out; } | {
		socat-tls -t 3 - "OPENSSL:127.0.0.1:$1,cafile=ca.pem$2" > through.out 2> socat.log || true
		touch over
	}
	cat through.out
}

socat_to_s_server() {
	identities
	serve 7510
	equal "$(through 7510 ,commonname=server.test)" olleh
}

s_client_to_socat() {
	identities
	socat-tls OPENSSL-LISTEN:7511,bind=127.0.0.1,cert=server.both,verify=0 SYSTEM:rev 2> socat.log &
	listens 7511
	client 7511
	grep -q '^olleh' client.out
}

socat_both_ways() {
	identities
	socat-tls OPENSSL-LISTEN:7512,bind=127.0.0.1,cert=server.both,verify=0 EXEC:cat 2> server.log &
	listens 7512
	equal "$(echo round | socat-tls -t 600 - OPENSSL:127.0.0.1:7512,cafile=ca.pem,commonname=server.test)" round
}

socat_refuses_the_wrong_host() {
	identities
	socat-tls OPENSSL-LISTEN:7513,bind=127.0.0.1,cert=server.both,verify=0 EXEC:cat 2> server.log &
	listens 7513
	echo x | fails socat-tls - OPENSSL:127.0.0.1:7513,cafile=ca.pem,commonname=other.test 2> socat.log
	grep -qi 'does not match\|no match\|hostname' socat.log
}

socat_wants_the_clients_certificate() {
	identities
	socat-tls OPENSSL-LISTEN:7514,bind=127.0.0.1,fork,cert=server.both,cafile=ca.pem,verify=1 EXEC:cat 2> server.log &
	server=$!
	listens 7514
	equal "$(echo known | socat-tls -t 600 - OPENSSL:127.0.0.1:7514,cert=client.both,cafile=ca.pem,commonname=server.test)" known
	equal "$(echo unknown | socat-tls -t 600 - OPENSSL:127.0.0.1:7514,cafile=ca.pem,commonname=server.test 2> /dev/null)" ""
	kill $server
}

megabytes_through_tls() {
	identities
	dd if=/dev/urandom of=sent bs=64k count=32 2> /dev/null
	socat-tls -u OPENSSL-LISTEN:7515,bind=127.0.0.1,cert=server.both,verify=0 CREATE:got 2> server.log &
	receiver=$!
	listens 7515
	socat-tls -u OPEN:sent OPENSSL:127.0.0.1:7515,cafile=ca.pem,commonname=server.test
	wait $receiver
	cmp sent got
}

over_ipv6() {
	identities
	socat-tls 'OPENSSL-LISTEN:7516,pf=ip6,bind=[::1],cert=server.both,verify=0' EXEC:cat 2> server.log &
	listens 7516
	equal "$(echo six | socat-tls -t 600 - 'OPENSSL:[::1]:7516,cafile=ca.pem,commonname=server.test')" six
}

# SMTP's STARTTLS, spoken by a script up to the point where TLS begins.
tls_becomes_of_a_plain_connection() {
	identities
	serve 7517
	cat > talk <<-'END'
		printf '220 ready\r\n'; read -r line
		printf '250-here\r\n250 STARTTLS\r\n'; read -r line
		printf '220 go ahead\r\n'
		exec socat-tls - TCP:127.0.0.1:7517
	END
	socat-tls TCP-LISTEN:7518,bind=127.0.0.1 EXEC:'sh talk' 2> /dev/null &
	listens 7518
	client 7518 -starttls smtp
	grep -q '^olleh' client.out
}

digests_and_keys() {
	equal "$(printf abc | openssl dgst -sha256 -r | cut -c1-16)" ba7816bf8f01cfea
	openssl genpkey -algorithm ed25519 -out key 2> /dev/null
	echo text > text
	openssl pkeyutl -sign -inkey key -rawin -in text -out signature
	openssl pkey -in key -pubout -out public
	openssl pkeyutl -verify -pubin -inkey public -rawin -in text -sigfile signature | grep -q Success
}

. /tests/tap
