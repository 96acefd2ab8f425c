#include "base/log.h"

#include "base/time.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

static _Atomic int least_level = RP_INFO;
static const char *const level_names[] = {"debug", "info", "warn", "error"};

void rp_log_level(enum rp_level least)
{
    atomic_store(&least_level, (int)least);
}

const char *rp_log_q(struct rp_str s)
{
    enum { CUT = 300, LEN = CUT * 4 + 8 };
    static _Thread_local char bufs[4][LEN];
    static _Thread_local unsigned turn;
    char *b = bufs[turn++ % 4];
    size_t n = 0;
    b[n++] = '"';
    for (size_t i = 0; i < s.n && i < CUT; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if (c == '"' || c == '\\')
            b[n++] = '\\', b[n++] = (char)c;
        else if (c == '\n')
            b[n++] = '\\', b[n++] = 'n';
        else if (c < 0x20 || c >= 0x7f)
            n += (size_t)snprintf(b + n, 5, "\\x%02x", c);
        else
            b[n++] = (char)c;
    }
    b[n++] = '"';
    b[n] = '\0';
    return b;
}

void rp_log(enum rp_level level, const char *msg, const char *fmt, ...)
{
    if ((int)level < atomic_load(&least_level))
        return;
    struct rp_buf b = {.limit = 8192};
    char ts[RP_TIME_LEN];
    rp_buf_fmt(&b, "ts=%s level=%s msg=%s ", rp_time_format(rp_wall(&rp_clock_system), ts),
               level_names[level], rp_log_q(rp_str_of(msg)));
    va_list ap;
    char rest[4096];
    va_start(ap, fmt);
    (void)vsnprintf(rest, sizeof rest, fmt, ap);
    va_end(ap);
    rp_buf_str(&b, rp_str_of(rest));
    rp_buf_c(&b, '\n');
    /* One write a record, so that records of several threads and processes do not mix. */
    ssize_t ignored = write(STDERR_FILENO, b.p, b.n);
    (void)ignored;
    rp_buf_free(&b);
}

void rp_log_err(enum rp_level level, const char *msg, const struct rp_err *err)
{
    rp_log(level, msg, "code=%s error=%s hint=%s", rp_code_slug(err->code),
           rp_log_q(rp_str_of(err->message)), rp_log_q(rp_str_of(err->hint)));
}
