# Filters: many reads, many writes, the occasional temporary file.
CASES="sort_many_lines awk_adds_up sed_edits_in_place grep_finds tr_cut_uniq head_and_tail diff_and_patch xargs_runs_many
checksums_are_the_known_ones od_and_hexdump tee_writes_twice tail_follows bc_counts vi_writes_a_file less_shows_a_file"

sort_many_lines() {
	seq 1 50000 | awk '{ print ($1 * 7919) % 50000 }' | sort -n > sorted
	sort -n -c sorted
	equal "$(wc -l < sorted)" 50000
	equal "$(sort -rn sorted | head -n 1)" 49999
}

awk_adds_up() {
	equal "$(seq 1 1000 | awk '{ sum += $1 } END { print sum, NR }')" "500500 1000"
	equal "$(awk 'BEGIN { "echo from a command" | getline line; print line }')" "from a command"
}

sed_edits_in_place() {
	printf 'one\ntwo\nthree\n' > file
	sed -i -e 's/two/2/' -e '/three/d' file
	equal "$(cat file | tr '\n' ' ')" "one 2 "
}

grep_finds() {
	mkdir -p tree/sub
	echo needle > tree/sub/file
	echo hay > tree/other
	equal "$(grep -rl needle tree)" tree/sub/file
	fails grep -q needle tree/other
	equal "$(seq 1 100 | grep -c '^1')" 12
}

tr_cut_uniq() {
	equal "$(printf 'b:1\na:2\nb:3\n' | cut -d: -f1 | sort | uniq -c | awk '{ print $1 $2 }' | tr '\n' ' ')" "1a 2b "
}

head_and_tail() {
	seq 1 10000 > numbers
	equal "$(head -n 10 numbers | tail -n 1) $(tail -n 1 numbers) $(tail -c 6 numbers)" "10 10000 10000"
}

diff_and_patch() {
	seq 1 20 > old
	sed 's/^10$/ten/' old > new
	diff -u old new > change || true
	patch old < change
	cmp old new
}

xargs_runs_many() {
	equal "$(seq 1 500 | xargs -n 50 echo | wc -l)" 10
	equal "$(seq 1 20 | xargs -n 1 -P 4 sh -c 'echo $0' | sort -n | tail -n 1)" 20
}

checksums_are_the_known_ones() {
	equal "$(printf abc | md5sum | cut -d' ' -f1)" 900150983cd24fb0d6963f7d28e17f72
	equal "$(printf abc | sha1sum | cut -d' ' -f1)" a9993e364706816aba3e25717850c26c9cd0d89d
	equal "$(printf abc | sha256sum | cut -c1-16)" ba7816bf8f01cfea
}

od_and_hexdump() {
	equal "$(printf '\001\377A' | od -An -tx1 | tr -d ' ')" 01ff41
}

tee_writes_twice() {
	equal "$(echo text | tee copy)" text
	equal "$(cat copy)" text
}

tail_follows() {
	: > log
	tail -f log > seen &
	pid=$!
	echo first >> log
	echo second >> log
	until [ "$(wc -l < seen)" = 2 ]; do usleep 50000; done
	kill $pid
}

bc_counts() {
	equal "$(echo '2^100' | bc)" 1267650600228229401496703205376
}

# Both on a terminal of their own, which script(1) makes. Each step waits for what vi shows of the one before: what is
# typed before it is there is lost, and an Escape with something right behind it is another key.
vi_writes_a_file() {
	{
		until grep -q -- '- new' screen; do usleep 50000; done
		printf 'ihello'
		until grep -q hello screen; do usleep 50000; done
		printf '\033'
		until grep -q -- '- new .Modified' screen; do usleep 50000; done
		printf ':wq\n'
		until [ -s new ]; do usleep 50000; done
	} | script -q -c 'vi new' /dev/null > screen
	equal "$(cat new)" hello
}

less_shows_a_file() {
	seq 1 500 > numbers
	printf 'Gq' | script -q -c 'less numbers' /dev/null > screen
	grep -q 500 screen
}

. /tests/tap
