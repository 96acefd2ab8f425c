#include "exec/internal.h"

#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int clone(int (*fn)(void *), void *stack, int flags, void *arg, ...);

/* Why not posix_spawn: it has no working directory, umask, resource limits, user or cgroup. Why not
 * fork: copying the page tables of a 500 MB daemon made it 3.5 times slower. Why not vfork and a
 * write to cgroup.procs: moving a process into a cgroup waits for an RCU grace period (measured 7
 * ms) in which this thread serves nobody; a process born there (CLONE_INTO_CGROUP) costs nothing.
 * glibc gives clone3 no wrapper, and one is needed because the child must not return through the
 * parent's frames: hence the few instructions below. The child shares our memory (CLONE_VM), has a
 * stack of its own, and this thread sleeps until it has called execve or _exit (CLONE_VFORK). */
enum { STACK_BYTES = 64 << 10, SHARED = CLONE_VM | CLONE_VFORK | CLONE_PIDFD };

#if defined(__x86_64__)
#define HAVE_CLONE3
static long clone3_call(struct clone_args *args, int (*fn)(void *), void *arg)
{
    long result;
    __asm__ volatile("mov %[fn], %%r12\n\t"
                     "mov %[arg], %%r13\n\t"
                     "syscall\n\t"
                     "test %%rax, %%rax\n\t"
                     "jnz 1f\n\t"
                     "xor %%ebp, %%ebp\n\t"
                     "mov %%r13, %%rdi\n\t"
                     "call *%%r12\n\t"
                     "mov %%eax, %%edi\n\t"
                     "mov %[exit], %%eax\n\t"
                     "syscall\n\t"
                     "hlt\n"
                     "1:"
                     : "=a"(result)
                     : "0"((long)SYS_clone3), "D"(args),
                       "S"(sizeof *args), [fn] "r"(fn), [arg] "r"(arg), [exit] "i"(SYS_exit_group)
                     : "rcx", "r11", "r12", "r13", "memory", "cc");
    return result;
}
#elif defined(__aarch64__)
#define HAVE_CLONE3
static long clone3_call(struct clone_args *args, int (*fn)(void *), void *arg)
{
    register long x0 __asm__("x0") = (long)args;
    register long x1 __asm__("x1") = (long)sizeof *args;
    register long x8 __asm__("x8") = SYS_clone3;
    __asm__ volatile("mov x20, %[fn]\n\t"
                     "mov x21, %[arg]\n\t"
                     "svc #0\n\t"
                     "cbnz x0, 1f\n\t"
                     "mov x29, #0\n\t"
                     "mov x0, x21\n\t"
                     "blr x20\n\t"
                     "mov x8, %[exit]\n\t"
                     "svc #0\n"
                     "1:"
                     : "+r"(x0)
                     : "r"(x1), "r"(x8), [fn] "r"(fn), [arg] "r"(arg), [exit] "i"(SYS_exit_group)
                     : "x20", "x21", "x30", "memory", "cc");
    return x0;
}
#endif

static pid_t fail(int error)
{
    errno = error;
    return -1;
}

pid_t rp_clone(int (*fn)(void *), void *arg, int cgroup, int *pidfd)
{
#ifdef HAVE_CLONE3
    char *stack = rp_xmalloc(STACK_BYTES);
    struct clone_args args = {.flags = SHARED,
                              .pidfd = (uint64_t)(uintptr_t)pidfd,
                              .exit_signal = SIGCHLD,
                              .stack = (uint64_t)(uintptr_t)stack,
                              .stack_size = STACK_BYTES};
    if (cgroup >= 0) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = (unsigned)cgroup;
    }
    long pid = clone3_call(&args, fn, arg);
    free(stack);
    return pid < 0 ? fail((int)-pid) : (pid_t)pid;
#else
    (void)fn, (void)arg, (void)cgroup, (void)pidfd;
    return fail(ENOSYS);
#endif
}

pid_t rp_clone_plain(int (*fn)(void *), void *arg, int *pidfd)
{
    char *stack = rp_xmalloc(STACK_BYTES);
    int pid = clone(fn, stack + STACK_BYTES, SHARED | SIGCHLD, arg, pidfd);
    int error = errno;
    free(stack);
    return pid < 0 ? fail(error) : pid;
}
