/*
 * confine_seccomp.c - which system calls remain, by libseccomp.
 *
 * Three answers. What reading, judging, publishing and ending need is on lists and passes, some of
 * it only with certain arguments. What nothing but an intruder would call ends the process, so that
 * somebody notices. The rest fails with EPERM: libraries call things that they can do without, and
 * a new version of one should cost a feature, not the sensor.
 *
 * clone3() hides its flags behind a pointer, so it is said not to exist; glibc then uses clone(),
 * which passes for threads only. Memory can be mapped or made executable by nobody. The leak and
 * thread checkers of the sanitizers stop threads by tracing from a process of their own, so
 * programs that are built with them may do that.
 */
#include "confine_parts.h"

#include <errno.h>
#include <linux/bpf.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <sched.h>
#include <seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CALL(name) SCMP_SYS(name)

static const int plain_calls[] = {
    /* memory */
    CALL(brk),
    CALL(munmap),
    CALL(mremap),
    CALL(madvise),
    CALL(msync),
    CALL(mlock),
    CALL(munlock),
    /* files: which ones is Landlock's */
    CALL(read),
    CALL(write),
    CALL(readv),
    CALL(writev),
    CALL(pread64),
    CALL(pwrite64),
    CALL(lseek),
    CALL(_llseek),
    CALL(open),
    CALL(openat),
    CALL(close),
    CALL(fstat),
    CALL(fstat64),
    CALL(fstatat64),
    CALL(newfstatat),
    CALL(stat),
    CALL(stat64),
    CALL(lstat),
    CALL(lstat64),
    CALL(statx),
    CALL(fstatfs),
    CALL(statfs),
    CALL(access),
    CALL(faccessat),
    CALL(faccessat2),
    CALL(readlink),
    CALL(readlinkat),
    CALL(getcwd),
    CALL(getdents),
    CALL(getdents64),
    CALL(fcntl),
    CALL(fcntl64),
    CALL(flock),
    CALL(ftruncate),
    CALL(ftruncate64),
    CALL(fallocate),
    CALL(fsync),
    CALL(fdatasync),
    CALL(sync_file_range),
    CALL(fadvise64),
    CALL(fchmod),
    CALL(rename),
    CALL(renameat),
    CALL(renameat2),
    CALL(unlink),
    CALL(unlinkat),
    CALL(dup),
    CALL(dup2),
    CALL(dup3),
    CALL(pipe),
    CALL(pipe2),
    /* sockets that are open: which ones can be made is below */
    CALL(connect),
    CALL(sendto),
    CALL(sendmsg),
    CALL(sendmmsg),
    CALL(recvfrom),
    CALL(recvmsg),
    CALL(recvmmsg),
    CALL(getsockopt),
    CALL(setsockopt),
    CALL(getsockname),
    CALL(getpeername),
    CALL(shutdown),
    /* waiting */
    CALL(poll),
    CALL(ppoll),
    CALL(select),
    CALL(_newselect),
    CALL(pselect6),
    CALL(epoll_create1),
    CALL(epoll_ctl),
    CALL(epoll_wait),
    CALL(epoll_pwait),
    CALL(eventfd2),
    CALL(signalfd4),
    CALL(timerfd_create),
    CALL(timerfd_settime),
    CALL(timerfd_gettime),
    CALL(nanosleep),
    CALL(clock_nanosleep),
    CALL(restart_syscall),
    /* time */
    CALL(clock_gettime),
    CALL(clock_gettime64),
    CALL(clock_getres),
    CALL(gettimeofday),
    CALL(time),
    /* threads and signals */
    CALL(futex),
    CALL(set_robust_list),
    CALL(rseq),
    CALL(set_tid_address),
    CALL(gettid),
    CALL(getpid),
    CALL(sched_yield),
    CALL(sched_getaffinity),
    CALL(sched_setaffinity),
    CALL(membarrier),
    CALL(sigaltstack),
    CALL(rt_sigaction),
    CALL(rt_sigprocmask),
    CALL(rt_sigreturn),
    CALL(rt_sigtimedwait),
    CALL(rt_sigsuspend),
    CALL(rt_sigpending),
    CALL(exit),
    CALL(exit_group),
    /* what one may know */
    CALL(getrandom),
    CALL(uname),
    CALL(sysinfo),
    CALL(getuid),
    CALL(geteuid),
    CALL(getgid),
    CALL(getegid),
    CALL(getrusage),
    CALL(times),
    CALL(getrlimit),
    CALL(getppid),
};

static const int hostile_calls[] = {
    CALL(execve),
    CALL(execveat),
    CALL(process_vm_readv),
    CALL(process_vm_writev),
    CALL(kexec_load),
    CALL(kexec_file_load),
    CALL(init_module),
    CALL(finit_module),
    CALL(delete_module),
    CALL(mount),
    CALL(umount2),
    CALL(move_mount),
    CALL(open_tree),
    CALL(fsopen),
    CALL(pivot_root),
    CALL(chroot),
    CALL(setns),
    CALL(unshare),
    CALL(open_by_handle_at),
    CALL(perf_event_open),
    CALL(userfaultfd),
    CALL(io_uring_setup),
    CALL(io_uring_enter),
    CALL(io_uring_register),
    CALL(keyctl),
    CALL(add_key),
    CALL(request_key),
    CALL(pidfd_getfd),
    CALL(reboot),
    CALL(swapon),
    CALL(iopl),
    CALL(ioperm),
    CALL(setuid),
    CALL(setgid),
    CALL(setreuid),
    CALL(setregid),
    CALL(setresuid),
    CALL(setresgid),
    CALL(setgroups),
    CALL(capset),
};

/* Size of terminals, bytes that wait, the state of interfaces. */
static const unsigned long requests[] = {
    TCGETS,        TIOCGWINSZ, FIONREAD,    SIOCGIFINDEX, SIOCGIFFLAGS,
    SIOCGIFHWADDR, SIOCGIFMTU, SIOCGIFNAME, SIOCETHTOOL,  SIOCGSTAMP_OLD,
};

static const unsigned map_commands[] = {
    BPF_MAP_LOOKUP_ELEM,
    BPF_MAP_UPDATE_ELEM,
    BPF_MAP_DELETE_ELEM,
    BPF_OBJ_GET_INFO_BY_FD,
};

static const int sanitizer_calls[] = {
    CALL(ptrace), CALL(wait4), CALL(prctl), CALL(clone), CALL(kill), CALL(tkill), CALL(personality),
};

/* Socket types come with flags in higher bits. */
enum { SOCKET_TYPE_MASK = 0xf };

static int add_calls(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count) {
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        status = seccomp_rule_add(filter, action, calls[i], 0);
    return status;
}
#define ADD_CALLS(filter, action, calls)                                                           \
    add_calls((filter), (action), (calls), sizeof(calls) / sizeof(calls)[0])

static int allow_socket(scmp_filter_ctx filter, int family, int type) {
    return seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(socket), 2,
                            SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)family),
                            SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_TYPE_MASK, (scmp_datum_t)type));
}

static int add_sockets(scmp_filter_ctx filter, unsigned needs) {
    int status = 0;
    if (needs & CONFINE_TCP) {
        status |= allow_socket(filter, AF_INET, SOCK_STREAM);
        status |= allow_socket(filter, AF_INET6, SOCK_STREAM);
    }
    if (needs & CONFINE_NAMES) {
        status |= allow_socket(filter, AF_INET, SOCK_DGRAM);
        status |= allow_socket(filter, AF_INET6, SOCK_DGRAM);
    }
    if (needs & CONFINE_UNIX) {
        status |= allow_socket(filter, AF_UNIX, SOCK_STREAM);
        status |= allow_socket(filter, AF_UNIX, SOCK_DGRAM);
    }
    if (needs & CONFINE_REOPEN) {
        status |= allow_socket(filter, AF_PACKET, SOCK_RAW);
        status |= allow_socket(filter, AF_PACKET, SOCK_DGRAM);
        /* libpcap asks the card by one, as ethtool does */
        status |= allow_socket(filter, AF_INET, SOCK_DGRAM);
        status |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(bind), 0);
    }
    return status ? -EINVAL : 0;
}

static int add_memory(scmp_filter_ctx filter) {
    const struct scmp_arg_cmp not_executable = SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0);
    int status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mmap), 1, not_executable);
    status |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mmap2), 1, not_executable);
    status |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(mprotect), 1, not_executable);
    return status ? -EINVAL : 0;
}

/* A process may signal itself, so that abort() works, and no other. */
static int add_threads(scmp_filter_ctx filter) {
    const scmp_datum_t own = (scmp_datum_t)getpid();
    int status = seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
    status |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), CALL(clone3), 0);
    status |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, own));
    status |=
        seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(prctl), 1, SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME));
    /* its own limits, to be read */
    status |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0),
                               SCMP_A2(SCMP_CMP_EQ, 0));
    return status ? -EINVAL : 0;
}

static int add_requests(scmp_filter_ctx filter, unsigned needs) {
    int status = 0;
    for (size_t i = 0; i < sizeof requests / sizeof requests[0]; i++)
        status |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(ioctl), 1,
                                   SCMP_A1(SCMP_CMP_MASKED_EQ, UINT32_MAX, requests[i]));
    for (size_t i = 0; (needs & CONFINE_KERNEL_FILTER) && i < sizeof map_commands / sizeof(int);
         i++)
        status |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, CALL(bpf), 1,
                                   SCMP_A0(SCMP_CMP_EQ, map_commands[i]));
    return status ? -EINVAL : 0;
}

static int fill(scmp_filter_ctx filter, unsigned needs) {
    /* Whatever threads there are, too. No program of another's choice runs here, so the slow
     * defence against speculation that some kernels put on is not wanted. */
    int status = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    status |= seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_SSB, 1);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    status |= ADD_CALLS(filter, SCMP_ACT_ALLOW, plain_calls);
    status |= ADD_CALLS(filter, SCMP_ACT_KILL_PROCESS, hostile_calls);
    if (HAS_SANITIZER)
        status |= ADD_CALLS(filter, SCMP_ACT_ALLOW, sanitizer_calls);
    else
        status |= seccomp_rule_add(filter, SCMP_ACT_KILL_PROCESS, CALL(ptrace), 0);
    status |= add_memory(filter);
    status |= add_sockets(filter, needs);
    status |= add_threads(filter);
    status |= add_requests(filter, needs);
    return status ? -EINVAL : 0;
}

int seccomp_enter(unsigned needs) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (filter == NULL)
        return -ENOMEM;
    int status = fill(filter, needs);
    if (status == 0)
        status = seccomp_load(filter);
    seccomp_release(filter);
    return status;
}
