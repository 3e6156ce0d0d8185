# sqlite: a database in a file, with its locks, its write-ahead log and its syncs.
# recipes: sqlite
CASES="tables_and_queries transactions_roll_back writer_locks_others_out busy_writer_waits_its_turn log_ahead_lets_readers_read
killed_writer_leaves_it_whole many_writers_one_after_another integrity_of_a_large_table memory_mapped vacuum_and_backup"
PATH=/upstream/sqlite/bin:$PATH

tables_and_queries() {
	sqlite3 db 'create table t(a integer primary key, b text); insert into t(b) values ("one"), ("two");'
	equal "$(sqlite3 db 'select count(*), max(b) from t')" "2|two"
	equal "$(sqlite3 db 'with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000) select sum(i) from n')" 500500
}

transactions_roll_back() {
	sqlite3 db 'create table t(a); begin; insert into t values (1); rollback; insert into t values (2);'
	equal "$(sqlite3 db 'select group_concat(a) from t')" 2
	fails test -e db-journal
}

# hold LOCK: a writer in the background that keeps its lock until ./go is there
hold() {
	mkfifo "in.$$"
	sqlite3 db < "in.$$" > held &
	holder=$!
	exec 9> "in.$$"
	echo "begin $1; insert into t values (1); select 'locked';" >&9
	i=0
	until grep -q locked held || [ $i = 6000 ]; do sleep 0.05; i=$((i + 1)); done
}

writer_locks_others_out() {
	sqlite3 db 'create table t(a);'
	hold exclusive
	sqlite3 db 'select count(*) from t' 2> said && return 1
	grep -q 'database is locked' said
	echo 'commit;' >&9
	exec 9>&-
	wait $holder
	equal "$(sqlite3 db 'select count(*) from t')" 1
}

busy_writer_waits_its_turn() {
	sqlite3 db 'create table t(a);'
	hold immediate
	sqlite3 -cmd '.timeout 600000' db 'insert into t values (2)' &
	waiter=$!
	sleep 0.3
	echo 'commit;' >&9
	exec 9>&-
	wait $holder
	wait $waiter
	equal "$(sqlite3 db 'select count(*) from t')" 2
}

log_ahead_lets_readers_read() {
	equal "$(sqlite3 db 'pragma journal_mode = wal; create table t(a);')" wal
	hold immediate
	equal "$(sqlite3 db 'select count(*) from t')" 0
	echo 'commit;' >&9
	exec 9>&-
	wait $holder
	equal "$(sqlite3 db 'select count(*) from t')" 1
}

killed_writer_leaves_it_whole() {
	sqlite3 db 'create table t(a);'
	hold immediate
	kill -9 $holder
	exec 9>&-
	wait $holder || true
	equal "$(sqlite3 db 'pragma integrity_check; select count(*) from t' | tr '\n' ' ')" "ok 0 "
}

many_writers_one_after_another() {
	sqlite3 db 'create table t(a);'
	writers=
	for i in 1 2 3 4 5 6 7 8; do
		for j in 1 2 3 4 5; do echo "insert into t values ($i$j);"; done |
			sqlite3 -cmd '.timeout 600000' db &
		writers="$writers $!"
	done
	wait $writers
	equal "$(sqlite3 db 'select count(distinct a) from t')" 40
}

integrity_of_a_large_table() {
	sqlite3 db 'create table t(a integer primary key, b text);
		with recursive n(i) as (select 1 union all select i + 1 from n where i < 20000) insert into t select i, hex(randomblob(40)) from n;
		create index by_b on t(b); delete from t where a % 3 = 0;'
	equal "$(sqlite3 db 'pragma integrity_check; select count(*) from t' | tr '\n' ' ')" "ok 13334 "
}

memory_mapped() {
	sqlite3 db 'create table t(a); with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000) insert into t select i from n;'
	equal "$(sqlite3 db 'pragma mmap_size = 1000000; select sum(a) from t; insert into t values (1); select count(*) from t' | tr '\n' ' ')" "1000000 12502500 5001 "
}

vacuum_and_backup() {
	sqlite3 db 'create table t(a); insert into t values (randomblob(100000)); delete from t; vacuum;'
	test "$(stat -c %s db)" -lt 100000
	sqlite3 db 'insert into t values (7)' '.backup copy'
	equal "$(sqlite3 copy 'select a from t')" 7
}

. /tests/tap
