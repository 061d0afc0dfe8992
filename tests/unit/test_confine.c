/*
 * test_confine.c - what a confined process can still do and what it cannot: each attempt is made
 * by a process of its own, which confines itself and then tries.
 *
 * What needs root (becoming another user, capabilities) is skipped by name without it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "confine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { HAS_SANITIZER = 1 };
#else
enum { HAS_SANITIZER = 0 };
#endif

/* A folder with: allowed/ (written), given/file (read), secret/file (neither). */
static char folder[] = "/tmp/downgrd-confine-XXXXXX";
static int listener; /* on loopback */
static struct sockaddr_in listener_address;
static int landlock_abi;

static const char *path_of(const char *name) {
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *name, const char *text) {
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* ---- attempts: 0 or -errno ---- */

static int outcome(long result) {
    return result < 0 ? -errno : 0;
}

static int try_open(const char *name, int flags) {
    int file = open(path_of(name), flags | O_CLOEXEC, 0600);
    return outcome(file);
}

static int read_given(void) {
    return try_open("given/file", O_RDONLY);
}
static int write_given(void) {
    return try_open("given/file", O_WRONLY);
}
static int read_secret(void) {
    return try_open("secret/file", O_RDONLY);
}
static int read_secret_by_climbing(void) {
    return try_open("allowed/../secret/file", O_RDONLY);
}
static int read_secret_by_proc(void) {
    char path[512];
    (void)snprintf(path, sizeof path, "/proc/self/root%s", path_of("secret/file"));
    return outcome(open(path, O_RDONLY));
}
static int list_secret(void) {
    return try_open("secret", O_RDONLY | O_DIRECTORY);
}
static int make_in_secret(void) {
    return try_open("secret/new", O_CREAT | O_WRONLY);
}
static int link_secret_in(void) {
    char from[256];
    (void)snprintf(from, sizeof from, "%s", path_of("secret/file"));
    return outcome(link(from, path_of("allowed/linked")));
}
static int make_in_allowed(void) {
    return try_open("allowed/new", O_CREAT | O_TRUNC | O_RDWR);
}
static int replace_in_allowed(void) {
    char from[256];
    int status = try_open("allowed/temporary", O_CREAT | O_WRONLY);
    (void)snprintf(from, sizeof from, "%s", path_of("allowed/temporary"));
    return status < 0 ? status : outcome(rename(from, path_of("allowed/final")));
}
static int remove_from_allowed(void) {
    int status = try_open("allowed/short-lived", O_CREAT | O_WRONLY);
    return status < 0 ? status : outcome(unlink(path_of("allowed/short-lived")));
}
static int make_folder(void) {
    return outcome(mkdir(path_of("allowed/folder"), 0700));
}
static int make_symlink(void) {
    return outcome(symlink("/", path_of("allowed/symlink")));
}
static int execute(void) {
    char *const words[] = {(char[]){"/bin/true"}, NULL};
    return outcome(execv(words[0], words));
}
static int execute_memory(void) {
    return outcome(syscall(SYS_execveat, 0, "", NULL, NULL, 0x1000));
}
static int spawn(void) {
    char *const words[] = {(char[]){"/bin/true"}, NULL};
    pid_t child = 0;
    return -posix_spawn(&child, words[0], NULL, NULL, words, NULL);
}
static int fork_process(void) {
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return outcome(child);
}
static int clone_by_pointer(void) {
    uint64_t arguments[11] = {0};
    return outcome(syscall(SYS_clone3, arguments, sizeof arguments));
}
static void *nothing(void *context) {
    return context;
}
static int start_thread(void) {
    pthread_t thread;
    int status = pthread_create(&thread, NULL, nothing, NULL);
    return status ? -status : -pthread_join(thread, NULL);
}
static int trace(void) {
    return outcome(ptrace(PTRACE_TRACEME, 0, NULL, NULL));
}
static int read_other_memory(void) {
    return outcome(syscall(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0));
}
static int signal_other(void) {
    return outcome(kill(getppid(), 0));
}
static int abort_itself(void) {
    abort();
}
static int use_ring(void) {
    return outcome(syscall(SYS_io_uring_setup, 1, NULL));
}
static int leave_namespace(void) {
    return outcome(syscall(SYS_unshare, 0x10000000));
}
static int become_root(void) {
    return outcome(syscall(SYS_setuid, 0));
}
static int use_bpf(void) {
    uint64_t attributes[16] = {0};
    return outcome(syscall(SYS_bpf, 1, attributes, sizeof attributes));
}
static int load_bpf(void) {
    uint64_t attributes[16] = {0};
    return outcome(syscall(SYS_bpf, 5, attributes, sizeof attributes));
}
#ifdef __x86_64__
static int call_by_other_numbers(void) {
    return outcome(syscall(0x40000000 | SYS_getpid));
}
#endif
static int map_executable(void) {
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? -errno : 0;
}
static int make_executable(void) {
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? -errno : outcome(mprotect(memory, 4096, PROT_READ | PROT_EXEC));
}
static int raise_limit(void) {
    const struct rlimit limit = {1, 1};
    return outcome(setrlimit(RLIMIT_NOFILE, &limit));
}
static int become_dumpable(void) {
    return outcome(prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}
static int open_socket(int family, int type) {
    return outcome(socket(family, type | SOCK_CLOEXEC, 0));
}
static int socket_tcp(void) {
    return open_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
}
static int socket_tcp6(void) {
    return open_socket(AF_INET6, SOCK_STREAM);
}
static int socket_udp(void) {
    return open_socket(AF_INET, SOCK_DGRAM);
}
static int socket_raw(void) {
    return open_socket(AF_INET, SOCK_RAW);
}
static int socket_unix(void) {
    return open_socket(AF_UNIX, SOCK_STREAM);
}
static int socket_netlink(void) {
    return open_socket(AF_NETLINK, SOCK_RAW);
}
static int socket_packet(void) {
    return open_socket(AF_PACKET, SOCK_RAW);
}
static int socket_pair(void) {
    int ends[2];
    return outcome(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
}
static int connect_out(void) {
    int out = socket(AF_INET, SOCK_STREAM, 0);
    if (out < 0)
        return -errno;
    return outcome(
        connect(out, (const struct sockaddr *)&listener_address, sizeof listener_address));
}
static int listen_in(void) {
    const struct sockaddr_in any = {.sin_family = AF_INET};
    int in = socket(AF_INET, SOCK_STREAM, 0);
    return in < 0 ? -errno : outcome(bind(in, (const struct sockaddr *)&any, sizeof any));
}
static int resolve(void) {
    struct addrinfo *found = NULL;
    int status = getaddrinfo("localhost", "6379", NULL, &found);
    if (status == 0)
        freeaddrinfo(found);
    return status == 0 ? 0 : -EHOSTUNREACH;
}
static int have_no_core(void) {
    struct rlimit limit;
    int status = outcome(getrlimit(RLIMIT_CORE, &limit));
    return status < 0 || limit.rlim_max == 0 ? status : -ERANGE;
}

/* ---- the table of them ---- */

enum { NEEDS_LANDLOCK = 1, NOT_SANITIZED = 2, KILLED = 1000 };

struct attempt {
    const char *name;
    int (*make)(void);
    unsigned needs;
    int wanted; /* 0, -errno, or KILLED + signal */
    unsigned conditions;
};

static const struct attempt attempts[] = {
    {"read a file that was given", read_given, 0, 0, 0},
    {"write a file that was given to be read", write_given, 0, -EACCES, NEEDS_LANDLOCK},
    {"read any other file", read_secret, 0, -EACCES, NEEDS_LANDLOCK},
    {"read it by ..", read_secret_by_climbing, 0, -EACCES, NEEDS_LANDLOCK},
    {"read it by /proc", read_secret_by_proc, 0, -EACCES, NEEDS_LANDLOCK},
    {"list any other folder", list_secret, 0, -EACCES, NEEDS_LANDLOCK},
    {"make a file elsewhere", make_in_secret, 0, -EACCES, NEEDS_LANDLOCK},
    {"link a file in", link_secret_in, 0, -EPERM, 0},
    {"make a file where allowed", make_in_allowed, 0, 0, 0},
    {"replace a file where allowed", replace_in_allowed, 0, 0, 0},
    {"remove a file where allowed", remove_from_allowed, 0, 0, 0},
    {"make a folder", make_folder, 0, -EPERM, 0},
    {"make a symbolic link", make_symlink, 0, -EPERM, 0},
    {"execute a program", execute, 0, KILLED + SIGSYS, 0},
    {"execute a file descriptor", execute_memory, 0, KILLED + SIGSYS, 0},
    {"spawn a program", spawn, 0, -EPERM, NOT_SANITIZED},
    {"fork", fork_process, 0, -EPERM, NOT_SANITIZED},
    {"clone with hidden flags", clone_by_pointer, 0, -ENOSYS, 0},
    {"start a thread", start_thread, 0, 0, 0},
    {"be traced", trace, 0, KILLED + SIGSYS, NOT_SANITIZED},
    {"read another process", read_other_memory, 0, KILLED + SIGSYS, 0},
    {"signal another process", signal_other, 0, -EPERM, NOT_SANITIZED},
    {"abort", abort_itself, 0, KILLED + SIGABRT, NOT_SANITIZED},
    {"use io_uring", use_ring, 0, KILLED + SIGSYS, 0},
    {"leave the namespaces", leave_namespace, 0, KILLED + SIGSYS, 0},
    {"become root", become_root, 0, KILLED + SIGSYS, 0},
    {"use BPF maps", use_bpf, 0, -EPERM, 0},
    {"use BPF maps with the kernel's filter", use_bpf, CONFINE_KERNEL_FILTER, -EINVAL, 0},
    {"load BPF programs", load_bpf, CONFINE_KERNEL_FILTER, -EPERM, 0},
#ifdef __x86_64__
    {"call by x32's numbers", call_by_other_numbers, 0, KILLED + SIGSYS, 0},
#endif
    {"map executable memory", map_executable, 0, -EPERM, 0},
    {"make memory executable", make_executable, 0, -EPERM, 0},
    {"change limits", raise_limit, 0, -EPERM, 0},
    {"become dumpable", become_dumpable, 0, -EPERM, NOT_SANITIZED},
    {"have no core file", have_no_core, 0, 0, 0},
    {"make a TCP socket", socket_tcp, 0, -EPERM, 0},
    {"make a TCP socket to publish", socket_tcp, CONFINE_TCP, 0, 0},
    {"make a TCP socket to publish over IPv6", socket_tcp6, CONFINE_TCP, 0, 0},
    {"connect to publish", connect_out, CONFINE_TCP, 0, 0},
    {"listen while publishing", listen_in, CONFINE_TCP, -EPERM, 0},
    {"make a UDP socket while publishing", socket_udp, CONFINE_TCP, -EPERM, 0},
    {"make a UDP socket for names", socket_udp, CONFINE_NAMES, 0, 0},
    {"resolve a name", resolve, CONFINE_NAMES, 0, 0},
    {"read other files while resolving", read_secret, CONFINE_NAMES, -EACCES, NEEDS_LANDLOCK},
    {"make a raw socket", socket_raw, CONFINE_NAMES | CONFINE_UNIX | CONFINE_REOPEN, -EPERM, 0},
    {"make a Unix socket", socket_unix, CONFINE_NAMES, -EPERM, 0},
    {"make a Unix socket to publish", socket_unix, CONFINE_UNIX, 0, 0},
    {"make a TCP socket while publishing to a Unix socket", socket_tcp, CONFINE_UNIX, -EPERM, 0},
    {"make a pair of sockets", socket_pair, CONFINE_UNIX, -EPERM, 0},
    {"make a netlink socket", socket_netlink, CONFINE_NAMES | CONFINE_REOPEN, -EPERM, 0},
    {"make a packet socket", socket_packet, CONFINE_NAMES, -EPERM, 0},
};

static void confine_child(unsigned needs) {
    char error[CONFINE_ERROR_SIZE] = "confine_begin";
    struct confine confine;
    if (confine_begin(&confine, needs) != 0 ||
        confine_allow_read_beside(&confine, path_of("given/file")) != 0 ||
        confine_allow_write(&confine, path_of("allowed")) != 0 ||
        confine_allow_write(&confine, path_of("not-there")) != 0 ||
        confine_enter(&confine, error) != 0) {
        (void)fprintf(stderr, "cannot confine: %s\n", error);
        _exit(99);
    }
}

/* As `wanted` has it; what the process found is the status that it exits with. */
static int outcome_of(const struct attempt *attempt) {
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        confine_child(attempt->needs);
        int found = attempt->make();
        _exit(-found);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) ? KILLED + WTERMSIG(status) : -WEXITSTATUS(status);
}

static void attempts_end_as_they_should(void **state) {
    (void)state;
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof attempts / sizeof attempts[0]; i++) {
        const struct attempt *attempt = &attempts[i];
        if ((attempt->conditions & NEEDS_LANDLOCK && landlock_abi == 0) ||
            (attempt->conditions & NOT_SANITIZED && HAS_SANITIZER)) {
            print_message("left out: %s\n", attempt->name);
            continue;
        }
        int found = outcome_of(attempt);
        if (found == attempt->wanted)
            continue;
        wrong++;
        print_message("%s (needs %u): %d instead of %d\n", attempt->name, attempt->needs, found,
                      attempt->wanted);
    }
    assert_int_equal(wrong, 0);
}

/* Without confinement they mostly work: the table would be worth nothing if they failed anyway. */
static void the_same_attempts_work_unconfined(void **state) {
    (void)state;
    static int (*const possible[])(void) = {
        read_secret,         read_secret_by_climbing,
        read_secret_by_proc, list_secret,
        make_in_secret,      start_thread,
        signal_other,        make_folder,
        make_symlink,        fork_process,
        map_executable,      make_executable,
        socket_tcp,          socket_udp,
        socket_unix,         socket_netlink,
        socket_pair,         connect_out,
        listen_in,           become_dumpable,
        link_secret_in,      spawn,
    };
    for (size_t i = 0; i < sizeof possible / sizeof possible[0]; i++) {
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0)
            _exit(-possible[i]());
        int status = 0;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
    }
    assert_int_equal(rmdir(path_of("allowed/folder")), 0);
    assert_int_equal(unlink(path_of("allowed/symlink")), 0);
    assert_int_equal(unlink(path_of("allowed/linked")), 0);
}

/* ---- what the kernel says of the process ---- */

/* A line of /proc/PID/status. */
static void status_line(pid_t process, const char *name, char line[128]) {
    char path[64];
    char text[256];
    (void)snprintf(path, sizeof path, "/proc/%d/status", (int)process);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    line[0] = '\0';
    while (fgets(text, sizeof text, file) != NULL)
        if (strncmp(text, name, strlen(name)) == 0 && text[strlen(name)] == ':')
            (void)sscanf(text + strlen(name) + 1, " %127[^\n]", line);
    (void)fclose(file);
}

struct expected_line {
    const char *name;
    const char *wanted;
};

/* A child that ran `prepare` and waits while it is looked at. */
static void lines_are(void (*prepare)(void), const struct expected_line *lines, size_t count) {
    int ready[2];
    char sign = 0;
    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prepare();
        (void)!write(ready[1], "x", 1);
        for (;;)
            (void)poll(NULL, 0, -1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &sign, 1), 1);
    close(ready[0]);
    unsigned wrong = 0;
    for (size_t i = 0; i < count; i++) {
        char line[128];
        status_line(child, lines[i].name, line);
        if (strcmp(line, lines[i].wanted) == 0)
            continue;
        wrong++;
        print_message("%s: '%s' instead of '%s'\n", lines[i].name, line, lines[i].wanted);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_equal(wrong, 0);
}

static const char no_capabilities[] = "0000000000000000";

static void confine_all(void) {
    confine_child(0);
}

static void nothing_is_left_and_nothing_comes_back(void **state) {
    (void)state;
    const struct expected_line lines[] = {
        {"NoNewPrivs", "1"},         {"Seccomp", "2"},
        {"CapEff", no_capabilities}, {"CapPrm", no_capabilities},
        {"CapAmb", no_capabilities}, {"CapInh", no_capabilities},
    };
    lines_are(confine_all, lines, sizeof lines / sizeof lines[0]);
}

static void become_nobody_to_capture(void) {
    char error[CONFINE_ERROR_SIZE];
    if (confine_become("nobody", CONFINE_NET_RAW | CONFINE_BPF, error) != 0 || socket_packet() != 0)
        _exit(1);
}

static void become_nobody_for_good(void) {
    become_nobody_to_capture();
    confine_child(0);
}

static void become_nobody_who_reopens(void) {
    become_nobody_to_capture();
    confine_child(CONFINE_REOPEN);
    if (socket_packet() != 0)
        _exit(1);
}

static void root_becomes_a_user(void **state) {
    (void)state;
    if (geteuid() != 0) {
        print_message("left out: this is not root\n");
        skip();
    }
    char net_raw[32];
    char both[32];
    (void)snprintf(net_raw, sizeof net_raw, "%016llx", 1ULL << CAP_NET_RAW);
    (void)snprintf(both, sizeof both, "%016llx", 1ULL << CAP_NET_RAW | 1ULL << CAP_BPF);
    const struct expected_line opening[] = {
        {"Uid", "65534\t65534\t65534\t65534"},
        {"Gid", "65534\t65534\t65534\t65534"},
        {"CapEff", both},
        {"CapPrm", both},
        {"CapBnd", no_capabilities},
        {"Groups", "65534 "},
    };
    const struct expected_line confined[] = {
        {"Uid", "65534\t65534\t65534\t65534"},
        {"CapEff", no_capabilities},
        {"CapPrm", no_capabilities},
        {"Seccomp", "2"},
    };
    const struct expected_line reopening[] = {{"CapEff", net_raw}, {"CapPrm", net_raw}};
    lines_are(become_nobody_to_capture, opening, sizeof opening / sizeof opening[0]);
    lines_are(become_nobody_for_good, confined, sizeof confined / sizeof confined[0]);
    lines_are(become_nobody_who_reopens, reopening, sizeof reopening / sizeof reopening[0]);
}

static void who_is_unknown_is_said(void **state) {
    (void)state;
    char error[CONFINE_ERROR_SIZE];
    assert_int_equal(confine_become("no-such-user-here", 0, error), -ENOENT);
    assert_string_equal(error, "there is no user 'no-such-user-here'");
    assert_int_equal(confine_become("4294967295", 0, error), -ENOENT);
    assert_int_equal(confine_become("0x0", 0, error), -ENOENT);
}

static int prepare(void **state) {
    (void)state;
    socklen_t size = sizeof listener_address;
    struct confine confine;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(mkdir(path_of("allowed"), 0755) | mkdir(path_of("given"), 0755) |
                         mkdir(path_of("secret"), 0755),
                     0);
    write_file("given/file", "given");
    write_file("secret/file", "secret");
    listener_address =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(
        bind(listener, (const struct sockaddr *)&listener_address, sizeof listener_address), 0);
    assert_int_equal(listen(listener, 16), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&listener_address, &size), 0);
    assert_int_equal(confine_begin(&confine, 0), 0);
    landlock_abi = confine.landlock_abi;
    print_message("Landlock version %d\n", landlock_abi);
    confine_abandon(&confine);
    return 0;
}

static int clean_up(void **state) {
    (void)state;
    static const char *const files[] = {
        "allowed/new", "allowed/final", "given/file", "secret/file", "secret/new",
    };
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        (void)unlink(path_of(files[i]));
    (void)rmdir(path_of("allowed"));
    (void)rmdir(path_of("given"));
    (void)rmdir(path_of("secret"));
    close(listener);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(attempts_end_as_they_should),
        cmocka_unit_test(the_same_attempts_work_unconfined),
        cmocka_unit_test(nothing_is_left_and_nothing_comes_back),
        cmocka_unit_test(root_becomes_a_user),
        cmocka_unit_test(who_is_unknown_is_said),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
