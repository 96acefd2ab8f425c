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

#define NAME(sig) [sig] = #sig

static const char *const signal_names[] = {
    NAME(SIGHUP),  NAME(SIGINT),    NAME(SIGQUIT), NAME(SIGILL),    NAME(SIGTRAP), NAME(SIGABRT),
    NAME(SIGBUS),  NAME(SIGFPE),    NAME(SIGKILL), NAME(SIGUSR1),   NAME(SIGSEGV), NAME(SIGUSR2),
    NAME(SIGPIPE), NAME(SIGALRM),   NAME(SIGTERM), NAME(SIGSTKFLT), NAME(SIGCHLD), NAME(SIGCONT),
    NAME(SIGSTOP), NAME(SIGTSTP),   NAME(SIGTTIN), NAME(SIGTTOU),   NAME(SIGURG),  NAME(SIGXCPU),
    NAME(SIGXFSZ), NAME(SIGVTALRM), NAME(SIGPROF), NAME(SIGWINCH),  NAME(SIGIO),   NAME(SIGPWR),
    NAME(SIGSYS),
};

const char *rp_signal_name(int sig)
{
    static _Thread_local char unnamed[32];
    if (sig > 0 && (size_t)sig < sizeof signal_names / sizeof *signal_names)
        return signal_names[sig];
    (void)snprintf(unnamed, sizeof unnamed, "signal %d", sig);
    return unnamed;
}
