/* Threads: creation, joining, thread-directed signals, exit, thread-local storage, descriptors shared with others. */
#include "nacre_test.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <sys/prctl.h>

static __thread int local = 5;
static int global;

static pthread_t start(void *(*run)(void *), void *with)
{
    pthread_t t;
    ASSERT_EQ(pthread_create(&t, NULL, run, with), 0);
    return t;
}

static void *double_it(void *value)
{
    return (void *)((long)value * 2);
}

TEST(thread_returns_its_value_to_join)
{
    void *result = NULL;
    EXPECT_EQ(pthread_join(start(double_it, (void *)21L), &result), 0);
    EXPECT_EQ((long)result, 42);
}

static void *identity(void *ids)
{
    ((pid_t *)ids)[0] = getpid();
    ((pid_t *)ids)[1] = syscall(SYS_gettid);
    ((pid_t *)ids)[2] = getppid();
    return NULL;
}

TEST(thread_shares_pid_and_has_its_own_tid)
{
    pid_t ids[3];
    pthread_join(start(identity, ids), NULL);
    EXPECT_EQ(ids[0], getpid());
    EXPECT_TRUE(ids[1] != getpid() && ids[1] > 0);
    EXPECT_EQ(ids[2], getppid());
    EXPECT_EQ(syscall(SYS_gettid), getpid());
}

static void *change_local(void *seen)
{
    *(int *)seen = local;
    local = 99;
    global = 99;
    return NULL;
}

TEST(thread_local_storage_is_its_own)
{
    int seen = 0;
    local = 6;
    pthread_join(start(change_local, &seen), NULL);
    EXPECT_EQ(seen, 5);
    EXPECT_EQ(local, 6);
    EXPECT_EQ(global, 99);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static long total;

static void *add_many(NT_UNUSED void *unused)
{
    for (int i = 0; i < 20000; i++) {
        pthread_mutex_lock(&mutex);
        total++;
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

// proves E20
TEST(mutex_keeps_a_count_right_among_eight_threads)
{
    pthread_t t[8];
    for (int i = 0; i < 8; i++)
        t[i] = start(add_many, NULL);
    for (int i = 0; i < 8; i++)
        pthread_join(t[i], NULL);
    EXPECT_EQ(total, 160000);
}

static int turn;
static void *ping_pong(void *who)
{
    for (int i = 0; i < 2000; i++) {
        pthread_mutex_lock(&mutex);
        while (turn != (int)(long)who)
            pthread_cond_wait(&cond, &mutex);
        turn = !turn;
        total++;
        pthread_cond_broadcast(&cond);
        pthread_mutex_unlock(&mutex);
    }
    return NULL;
}

// proves E20
TEST(condition_variable_loses_no_wake_up)
{
    pthread_t a = start(ping_pong, (void *)0L), b = start(ping_pong, (void *)1L);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    EXPECT_EQ(total, 4000);
}

TEST(condition_variable_wait_times_out)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 20000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_mutex_lock(&mutex);
    EXPECT_EQ(pthread_cond_timedwait(&cond, &mutex, &until), ETIMEDOUT);
}

static void *exit_process(void *code)
{
    _exit((int)(long)code);
}

TEST(exit_from_a_thread_ends_the_process)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        start(exit_process, (void *)23L);
        for (;;)
            pause();
    }
    EXPECT_EXIT(pid, 23);
}

static void *sleep_forever(NT_UNUSED void *unused)
{
    while (pause() == -1)
        ;
    return NULL;
}

TEST(exit_ends_threads_that_wait_spin_and_sleep)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        for (int i = 0; i < 10; i++)
            start(sleep_forever, NULL);
        _exit(24);
    }
    EXPECT_EXIT(pid, 24);
}

static void *finish_later(NT_UNUSED void *unused)
{
    nt_sleep_ms(50);
    _exit(25);
}

TEST(leader_may_exit_before_its_threads)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        start(finish_later, NULL);
        pthread_exit(NULL);
    }
    nt_await_state(pid, 'Z');
    EXPECT_EXIT(pid, 25);
}

static void *die(NT_UNUSED void *unused)
{
    *(volatile char *)NT_BAD = 1;
    return NULL;
}

TEST(fault_in_a_thread_kills_the_whole_process)
{
    pid_t pid = nt_fork();
    if (pid == 0) {
        start(die, NULL);
        for (;;)
            pause();
    }
    EXPECT_KILLED(pid, SIGSEGV);
}

static volatile pid_t handled_by;
static void note_thread(NT_UNUSED int signo)
{
    handled_by = syscall(SYS_gettid);
}

static volatile pid_t waiter_tid;
static void *wait_for_signal(NT_UNUSED void *unused)
{
    waiter_tid = syscall(SYS_gettid);
    while (!handled_by)
        nt_sleep_ms(1);
    return NULL;
}

TEST(tgkill_reaches_the_named_thread)
{
    signal(SIGUSR1, note_thread);
    pthread_t t = start(wait_for_signal, NULL);
    while (!waiter_tid)
        nt_sleep_ms(1);
    EXPECT_OK(syscall(SYS_tgkill, getpid(), waiter_tid, SIGUSR1));
    pthread_join(t, NULL);
    EXPECT_EQ(handled_by, waiter_tid);
}

TEST(process_signal_goes_to_a_thread_that_does_not_block_it)
{
    sigset_t set;
    signal(SIGUSR1, note_thread);
    pthread_t t = start(wait_for_signal, NULL);
    while (!waiter_tid)
        nt_sleep_ms(1);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    EXPECT_OK(kill(getpid(), SIGUSR1));
    pthread_join(t, NULL);
    EXPECT_EQ(handled_by, waiter_tid);
}

static void *read_mask(void *set)
{
    pthread_sigmask(SIG_BLOCK, NULL, set);
    return NULL;
}

TEST(thread_inherits_the_mask_and_not_pending_signals)
{
    sigset_t block, seen;
    sigemptyset(&block);
    sigaddset(&block, SIGUSR2);
    pthread_sigmask(SIG_BLOCK, &block, NULL);
    pthread_kill(pthread_self(), SIGUSR2);
    pthread_join(start(read_mask, &seen), NULL);
    EXPECT_EQ(sigismember(&seen, SIGUSR2), 1);
}

static void *set_name(NT_UNUSED void *unused)
{
    prctl(PR_SET_NAME, "worker");
    return NULL;
}

TEST(thread_names_are_apart)
{
    char name[16] = "";
    prctl(PR_SET_NAME, "leader");
    pthread_join(start(set_name, NULL), NULL);
    prctl(PR_GET_NAME, name);
    EXPECT_STREQ(name, "leader");
}

static void *fork_from_thread(void *pid)
{
    *(pid_t *)pid = fork();
    if (*(pid_t *)pid == 0)
        _exit(getpid() == syscall(SYS_gettid) ? 26 : 27);
    return NULL;
}

TEST(fork_from_a_thread_makes_a_one_thread_process)
{
    pid_t pid = -1;
    start(sleep_forever, NULL);
    pthread_join(start(fork_from_thread, &pid), NULL);
    EXPECT_EXIT(pid, 26);
}

static void *wait_for_child(void *pid)
{
    int status = 0;
    waitpid(*(pid_t *)pid, &status, 0);
    return (void *)(long)WEXITSTATUS(status);
}

TEST(any_thread_may_wait_for_the_process_children)
{
    void *status = NULL;
    pid_t pid = nt_fork();
    if (pid == 0)
        _exit(28);
    pthread_join(start(wait_for_child, &pid), &status);
    EXPECT_EQ((long)status, 28);
}

static int race_pipe[2];
static void *read_one(void *got)
{
    char c = 0;
    *(long *)got = read(race_pipe[0], &c, 1);
    return NULL;
}

// proves B7
TEST(close_in_one_thread_leaves_a_waiting_read_in_another)
{
    long got = -5;
    ASSERT_OK(pipe(race_pipe));
    pthread_t t = start(read_one, &got);
    nt_await_other_thread_sleeps();
    close(race_pipe[0]);
    nt_sleep_ms(10);
    EXPECT_EQ(got, -5);
    signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(write(race_pipe[1], "x", 1), 1);
    pthread_join(t, NULL);
    EXPECT_EQ(got, 1);
}

static void *open_null(NT_UNUSED void *unused)
{
    return (void *)(long)open("/dev/null", O_RDONLY);
}

// proves B6
TEST(threads_share_descriptors_cwd_and_umask)
{
    void *fd = NULL;
    pthread_join(start(open_null, NULL), &fd);
    EXPECT_OK(fcntl((int)(long)fd, F_GETFD));
}

static void *spin_until_told(void *flag)
{
    while (!__atomic_load_n((int *)flag, __ATOMIC_ACQUIRE))
        ;
    return NULL;
}

TEST(spinning_thread_does_not_starve_the_others)
{
    int flag = 0;
    pthread_t t[4];
    for (int i = 0; i < 4; i++)
        t[i] = start(spin_until_told, &flag);
    nt_sleep_ms(20);
    __atomic_store_n(&flag, 1, __ATOMIC_RELEASE);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
}

static sem_t sem;
static void *post_three(NT_UNUSED void *unused)
{
    for (int i = 0; i < 3; i++)
        sem_post(&sem);
    return NULL;
}

// proves E20
TEST(semaphore_counts_between_threads)
{
    sem_init(&sem, 0, 0);
    pthread_t t = start(post_three, NULL);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(sem_wait(&sem), 0);
    EXPECT_ERRNO(sem_trywait(&sem), EAGAIN);
    pthread_join(t, NULL);
}

static volatile sig_atomic_t cancelled;
static void on_cancel(NT_UNUSED void *unused)
{
    cancelled = 1;
}
static void *block_in_read(NT_UNUSED void *unused)
{
    char c;
    pthread_cleanup_push(on_cancel, NULL);
    read(race_pipe[0], &c, 1);
    pthread_cleanup_pop(0);
    return NULL;
}

TEST(cancellation_ends_a_thread_blocked_in_read)
{
    void *result = NULL;
    ASSERT_OK(pipe(race_pipe));
    pthread_t t = start(block_in_read, NULL);
    nt_await_other_thread_sleeps();
    EXPECT_EQ(pthread_cancel(t), 0);
    EXPECT_EQ(pthread_join(t, &result), 0);
    EXPECT_TRUE(result == PTHREAD_CANCELED);
    EXPECT_EQ(cancelled, 1);
}

TEST(proc_task_lists_the_threads)
{
    int entries = 0;
    start(sleep_forever, NULL);
    start(sleep_forever, NULL);
    DIR *dir = opendir("/proc/self/task");
    ASSERT_TRUE(dir != NULL);
    for (struct dirent *e; (e = readdir(dir));)
        entries += e->d_name[0] != '.';
    EXPECT_EQ(entries, 3);
}
