#include "exec/exec.h"

#include <signal.h>
#include <stdio.h>

static const char *const words[] = {
    [RP_END_ITSELF] = "itself",
    [RP_END_CRASH] = "a crash",
    [RP_END_SIGNAL] = "a signal from outside",
    [RP_END_TIMEOUT] = "the time limit",
    [RP_END_MEMORY] = "the memory limit",
    [RP_END_CPU] = "the CPU limit",
    [RP_END_OPERATOR] = "an operator",
    [RP_END_STOP] = "the stop of the daemon",
    [RP_END_LOCK] = "the loss of its lock",
    [RP_END_NOT_STARTED] = "it was not started",
};

const char *rp_ended_by_words(enum rp_ended_by e)
{
    return words[e];
}

#define SIGNALS(X)                                                                                 \
    X(SIGHUP)                                                                                      \
    X(SIGINT)                                                                                      \
    X(SIGQUIT)                                                                                     \
    X(SIGILL) X(SIGTRAP) X(SIGABRT) X(SIGBUS) X(SIGFPE) X(SIGKILL) X(SIGUSR1) X(SIGSEGV)           \
        X(SIGUSR2) X(SIGPIPE) X(SIGALRM) X(SIGTERM) X(SIGSTKFLT) X(SIGCHLD) X(SIGCONT) X(SIGSTOP)  \
            X(SIGTSTP) X(SIGTTIN) X(SIGTTOU) X(SIGURG) X(SIGXCPU) X(SIGXFSZ) X(SIGVTALRM)          \
                X(SIGPROF) X(SIGWINCH) X(SIGIO) X(SIGPWR) X(SIGSYS)

static const char *const signal_names[] = {
#define X(name) [name] = #name,
    SIGNALS(X)
#undef X
};

const char *rp_signal_name(int sig)
{
    static _Thread_local char unnamed[32];
    if (sig > 0 && (size_t)sig < sizeof signal_names / sizeof *signal_names)
        return signal_names[sig];
    (void)snprintf(unnamed, sizeof unnamed, "signal %d", sig);
    return unnamed;
}
