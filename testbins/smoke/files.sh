# Files and folders, by the applets everybody uses.
CASES="copy_move_remove links_of_both_kinds permissions_and_owners times_are_kept find_walks_a_tree
tar_there_and_back cpio_there_and_back gzip_there_and_back dd_and_sparse_files large_file_round_trip rename_over_a_file
directory_of_many_files device_nodes fifo_joins_two_processes tmpfs_has_its_limit bind_mount_shows_the_same read_only_mount
du_and_df remove_while_open stat_tells_the_truth"

copy_move_remove() {
	mkdir -p a/b/c
	echo text > a/b/c/file
	cp -r a copy
	equal "$(cat copy/b/c/file)" text
	mv copy moved
	fails test -e copy
	equal "$(cat moved/b/c/file)" text
	fails rmdir moved
	rm -r moved
	fails test -e moved
}

links_of_both_kinds() {
	echo text > file
	ln file hard
	ln -s file soft
	equal "$(stat -c %h file) $(cat hard) $(cat soft) $(readlink soft)" "2 text text file"
	rm file
	fails cat soft
	equal "$(cat hard)" text
	ln -s loop loop
	fails cat loop
}

permissions_and_owners() {
	echo secret > file
	chmod 640 file
	chown 1000:1000 file
	equal "$(stat -c '%a %u %g' file)" "640 1000 1000"
	chmod 755 .
	equal "$(su user -c 'cat file')" secret
	chown 0:0 file
	fails su user -c "cat $PWD/file"
	fails su user -c "touch $PWD/new"
	chmod u+s,g-r file
	equal "$(stat -c %A file)" "-rwS------"
}

times_are_kept() {
	touch -d '2020-02-03 04:05:06' file
	equal "$(stat -c %Y file)" "$(date -d '2020-02-03 04:05:06' +%s)"
	cp -p file copy
	equal "$(stat -c %Y copy)" "$(stat -c %Y file)"
	touch new
	test new -nt file
}

find_walks_a_tree() {
	mkdir -p x/y z
	touch x/1.txt x/y/2.txt z/3.c
	equal "$(find . -name '*.txt' | sort | tr '\n' ' ')" "./x/1.txt ./x/y/2.txt "
	equal "$(find . -type d | wc -l)" 4
	find . -name '*.c' -exec rm {} +
	fails test -e z/3.c
}

tar_there_and_back() {
	mkdir -p tree/sub
	seq 1 5000 > tree/numbers
	ln -s numbers tree/link
	chmod 711 tree/sub
	tar -czf tree.tgz tree
	mkdir out
	tar -xzf tree.tgz -C out
	cmp tree/numbers out/tree/numbers
	equal "$(readlink out/tree/link) $(stat -c %a out/tree/sub)" "numbers 711"
}

cpio_there_and_back() {
	mkdir in out
	echo a > in/a
	mkfifo in/pipe
	(cd in && find . | cpio -o -H newc 2> /dev/null) > archive
	(cd out && cpio -i 2> /dev/null) < archive
	equal "$(cat out/a)" a
	test -p out/pipe
}

gzip_there_and_back() {
	seq 1 20000 > file
	cp file original
	gzip file
	test "$(stat -c %s file.gz)" -lt "$(stat -c %s original)"
	gunzip file.gz
	cmp file original
	xz -dc < /dev/null > /dev/null 2>&1 || true
}

dd_and_sparse_files() {
	truncate -s 1G sparse
	equal "$(stat -c %s sparse)" 1073741824
	test "$(stat -c %b sparse)" -lt 100
	printf end | dd of=sparse bs=1 seek=1073741821 conv=notrunc 2> /dev/null
	equal "$(tail -c 3 sparse)" end
	dd if=/dev/zero of=zeros bs=4k count=10 2> /dev/null
	equal "$(stat -c %s zeros)" 40960
}

large_file_round_trip() {
	dd if=/dev/urandom of=file bs=64k count=256 2> /dev/null
	cp file copy
	cmp file copy
	equal "$(md5sum < file)" "$(cat copy | md5sum)"
}

rename_over_a_file() {
	echo old > target
	echo new > source
	exec 5< target
	mv -f source target
	equal "$(cat target) $(cat <&5)" "new old"
}

directory_of_many_files() {
	mkdir many
	for i in $(seq 1 1000); do : > many/file$i; done
	equal "$(ls many | wc -l)" 1000
	rm -r many
	fails test -e many
}

device_nodes() {
	mknod null c 1 3
	echo lost > null
	equal "$(wc -c < null)" 0
	equal "$(head -c 5 /dev/zero | od -An -tx1 | tr -d ' ')" 0000000000
	fails sh -c 'echo x > /dev/full'
	test "$(head -c 16 /dev/urandom | md5sum)" != "$(head -c 16 /dev/urandom | md5sum)"
}

fifo_joins_two_processes() {
	mkfifo pipe
	cat pipe > out &
	seq 1 1000 > pipe
	wait
	equal "$(wc -l < out)" 1000
}

tmpfs_has_its_limit() {
	mkdir mnt
	mount -t tmpfs -o size=1M tmpfs mnt
	fails dd if=/dev/zero of=mnt/file bs=64k count=32
	test "$(stat -c %s mnt/file)" -le 1048576
	rm mnt/file
	dd if=/dev/zero of=mnt/file bs=64k count=8
	umount mnt
	fails test -e mnt/file
}

bind_mount_shows_the_same() {
	mkdir a b
	echo text > a/file
	mount -o bind a b
	equal "$(cat b/file)" text
	echo more >> b/file
	equal "$(wc -l < a/file)" 2
	umount b
	fails test -e b/file
}

read_only_mount() {
	mkdir mnt
	mount -t tmpfs tmpfs mnt
	echo x > mnt/file
	mount -o remount,ro mnt
	fails sh -c 'echo y > mnt/file'
	fails touch mnt/new
	equal "$(cat mnt/file)" x
	umount mnt
}

du_and_df() {
	mkdir d
	dd if=/dev/zero of=d/file bs=1k count=100 2> /dev/null
	test "$(du -sk d | cut -f1)" -ge 100
	df -k . | grep -q /tmp
}

remove_while_open() {
	echo still here > file
	exec 5< file
	rm file
	equal "$(cat <&5)" "still here"
}

stat_tells_the_truth() {
	printf 12345 > file
	equal "$(stat -c '%s %F' file)" "5 regular file"
	mkdir dir
	equal "$(stat -c %F dir) $(stat -c %F /dev/null)" "directory character special file"
	equal "$(stat -c %h dir)" 2
}

. /tests/tap
