#include "base/time.h"

#include <stdio.h>
#include <time.h>

static int64_t read_clock(clockid_t id)
{
    struct timespec ts;
    (void)clock_gettime(id, &ts);
    return (int64_t)ts.tv_sec * RP_US_S + ts.tv_nsec / 1000;
}

static int64_t system_wall(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_REALTIME);
}

static int64_t system_mono(void *ctx)
{
    (void)ctx;
    return read_clock(CLOCK_BOOTTIME);
}

const struct rp_clock rp_clock_system = {.wall_us = system_wall, .mono_us = system_mono};

int64_t rp_days_from_civil(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

void rp_civil_from_days(int64_t z, int64_t *year, int *month, int *day)
{
    z += 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    *day = (int)(doy - (153 * mp + 2) / 5 + 1);
    *month = (int)(mp < 10 ? mp + 3 : mp - 9);
    *year = yoe + era * 400 + (*month <= 2);
}

/* Reads exactly n digits at *p into *out. */
static bool digits(const char **p, const char *end, int n, int *out)
{
    *out = 0;
    for (int i = 0; i < n; i++, (*p)++) {
        if (*p == end || **p < '0' || **p > '9')
            return false;
        *out = *out * 10 + (**p - '0');
    }
    return true;
}

static bool literal(const char **p, const char *end, char c)
{
    if (*p == end || **p != c)
        return false;
    (*p)++;
    return true;
}

static int month_days(int64_t y, int m)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
    return m == 2 && leap ? 29 : days[m - 1];
}

static bool parse_date(const char **p, const char *end, int64_t *days)
{
    int y, m, d;
    if (!digits(p, end, 4, &y) || !literal(p, end, '-') || !digits(p, end, 2, &m) ||
        !literal(p, end, '-') || !digits(p, end, 2, &d))
        return false;
    if (m < 1 || m > 12 || d < 1 || d > month_days(y, m))
        return false;
    *days = rp_days_from_civil(y, m, d);
    return true;
}

static bool parse_fraction(const char **p, const char *end, int64_t *us)
{
    *us = 0;
    if (*p == end || **p != '.')
        return true;
    (*p)++;
    int64_t unit = RP_US_S / 10;
    const char *from = *p;
    for (; *p < end && **p >= '0' && **p <= '9'; (*p)++, unit /= 10)
        *us += unit * (**p - '0');
    return *p > from;
}

static bool parse_clock(const char **p, const char *end, int64_t *us)
{
    int h, m, s;
    int64_t fraction;
    if (!digits(p, end, 2, &h) || !literal(p, end, ':') || !digits(p, end, 2, &m) ||
        !literal(p, end, ':') || !digits(p, end, 2, &s) || !parse_fraction(p, end, &fraction))
        return false;
    if (h > 23 || m > 59 || s > 60)
        return false;
    *us = (h * INT64_C(3600) + m * INT64_C(60) + s) * RP_US_S + (s == 60 ? 0 : fraction);
    return true;
}

static bool parse_offset(const char **p, const char *end, int64_t *us)
{
    int h, m;
    *us = 0;
    if (*p == end)
        return false;
    char c = *(*p)++;
    if (c == 'Z' || c == 'z')
        return true;
    if ((c != '+' && c != '-') || !digits(p, end, 2, &h) || !literal(p, end, ':') ||
        !digits(p, end, 2, &m) || h > 23 || m > 59)
        return false;
    *us = (h * 60 + m) * RP_US_MIN * (c == '-' ? -1 : 1);
    return true;
}

bool rp_time_parse(struct rp_str s, int64_t *us)
{
    int64_t days, clock, offset;
    if (s.n < 20)
        return false;
    const char *p = s.p, *end = s.p + s.n;
    if (!parse_date(&p, end, &days))
        return false;
    if (*p != 'T' && *p != 't' && *p != ' ')
        return false;
    p++;
    if (!parse_clock(&p, end, &clock) || !parse_offset(&p, end, &offset) || p != end)
        return false;
    *us = days * RP_US_DAY + clock - offset;
    return true;
}

static char *put_digits(char *p, int64_t v, int n)
{
    for (int i = n - 1; i >= 0; i--, v /= 10)
        p[i] = (char)('0' + v % 10);
    return p + n;
}

/* By hand: every answer has several of them, and printf takes ten times as long. */
char *rp_time_format(int64_t us, char buf[RP_TIME_LEN])
{
    int64_t days = us / RP_US_DAY - (us % RP_US_DAY < 0), y;
    int64_t rest = us - days * RP_US_DAY;
    int m, d;
    rp_civil_from_days(days, &y, &m, &d);
    const struct {
        int64_t v;
        int n;
        char after;
    } parts[] = {{(y % 10000 + 10000) % 10000, 4, '-'},
                 {m, 2, '-'},
                 {d, 2, 'T'},
                 {rest / RP_US_H, 2, ':'},
                 {rest / RP_US_MIN % 60, 2, ':'},
                 {rest / RP_US_S % 60, 2, '.'},
                 {rest % RP_US_S, 6, 'Z'}};
    char *p = buf;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        p = put_digits(p, parts[i].v, parts[i].n);
        *p++ = parts[i].after;
    }
    *p = '\0';
    return buf;
}

static const struct {
    const char *name;
    int64_t us;
} units[] = {{"d", RP_US_DAY}, {"h", RP_US_H}, {"m", RP_US_MIN},
             {"s", RP_US_S},   {"ms", 1000},   {"us", 1}};

static int64_t unit_us(struct rp_str name)
{
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (rp_str_is(name, units[i].name))
            return units[i].us;
    return 0;
}

bool rp_duration_parse(struct rp_str s, int64_t *us)
{
    int64_t sum = 0;
    if (rp_str_is(s, "0")) {
        *us = 0;
        return true;
    }
    if (s.p == NULL || s.n == 0)
        return false;
    for (size_t i = 0; i < s.n;) {
        size_t from = i;
        while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
            i++;
        struct rp_str number = {s.p + from, i - from};
        from = i;
        while (i < s.n && (s.p[i] < '0' || s.p[i] > '9'))
            i++;
        int64_t n, unit = unit_us((struct rp_str){s.p + from, i - from});
        if (unit == 0 || !rp_str_i64(number, &n) || __builtin_mul_overflow(n, unit, &n) ||
            __builtin_add_overflow(sum, n, &sum))
            return false;
    }
    *us = sum;
    return sum <= 36525 * RP_US_DAY;
}

char *rp_duration_format(int64_t us, char buf[RP_DURATION_LEN])
{
    size_t n = 0;
    if (us <= 0)
        (void)snprintf(buf, RP_DURATION_LEN, "0s");
    for (size_t i = 0; i < sizeof units / sizeof *units && us > 0; i++) {
        if (us < units[i].us)
            continue;
        n += (size_t)snprintf(buf + n, RP_DURATION_LEN - n, "%lld%s", (long long)(us / units[i].us),
                              units[i].name);
        us %= units[i].us;
    }
    return buf;
}

int64_t rp_thread_cpu(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * RP_US_S + t.tv_nsec / 1000;
}

void rp_cond_init(pthread_cond_t *c)
{
    pthread_condattr_t attr;
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(c, &attr);
    (void)pthread_condattr_destroy(&attr);
}

struct timespec rp_deadline(int64_t us)
{
    struct timespec at;
    if (us < 0)
        us = 0;
    (void)clock_gettime(CLOCK_MONOTONIC, &at);
    int64_t ns = at.tv_nsec + us % RP_US_S * 1000;
    at.tv_sec += us / RP_US_S + ns / (RP_US_S * 1000);
    at.tv_nsec = ns % (RP_US_S * 1000);
    return at;
}

bool rp_time_parse_user(struct rp_str s, int64_t now_us, int64_t *us, struct rp_err *err)
{
    if (rp_str_is(s, "now")) {
        *us = now_us;
        return true;
    }
    if (rp_time_parse(s, us))
        return true;
    struct rp_str rest = s;
    if (rp_str_starts(rest, "-"))
        rest.p++, rest.n--;
    int64_t ago;
    if (rp_duration_parse(rest, &ago)) {
        *us = now_us - ago;
        return true;
    }
    (void)rp_fail(err, RP_E_BAD_FIELD, "\"%.*s\" is not a time", RP_FMT(s));
    return rp_hint(err, "use RFC 3339 (2026-11-24T02:00:00Z), now, or an age such as 24h");
}
