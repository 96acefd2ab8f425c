/* What some logging libraries put in front of a message: more than a time, and always the same. */
#include "analyze/formats/format.h"

#include <stdio.h>

/* Ruby's Logger: "I, [2026-11-23T22:59:10.616 #4711]  INFO -- runner: " */
static bool take_ruby(struct rp_stamp *st, struct rp_str *s, int64_t *us)
{
    bool syslog;
    struct rp_str r = *s;
    if (r.n < 20 || !is_upper(r.p[0]) || r.p[1] != ',')
        return false;
    r = str_from(r, 2);
    if (!rp_skip(&r, " [") || !rp_stamp_take(st, &r, us, &syslog) || !rp_skip(&r, " #"))
        return false;
    (void)rp_take_until(&r, ']');
    r = rp_strip(r, " ", "");
    (void)rp_take_word(&r); /* the level */
    if (!rp_skip(&r, "-- "))
        return false;
    size_t colon = rp_str_find(r, RP_STR(": "));
    *s = colon != SIZE_MAX ? str_from(r, colon + 2) : rp_strip(r, ":", "");
    return true;
}

static bool digits(struct rp_str *s, size_t n, int *out)
{
    *out = 0;
    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(s->p[i]))
            return false;
        *out = *out * 10 + (s->p[i] - '0');
    }
    *s = str_from(*s, n);
    return true;
}

/* glog, klog: "I1123 22:59:10.616123    4711 runner.go:88] " */
static bool take_glog(struct rp_stamp *st, struct rp_str *s, int64_t *us)
{
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    int month, day;
    bool syslog;
    struct rp_str r = *s;
    size_t close = rp_str_find(str_head(r, 120), RP_STR("] "));
    if (r.n < 30 || !one_of(r.p[0], "IWEF") || close == SIZE_MAX)
        return false;
    r = str_from(r, 1);
    if (!digits(&r, 2, &month) || !digits(&r, 2, &day) || month < 1 || month > 12 ||
        !rp_skip(&r, " "))
        return false;
    char text[48]; /* the year is missing as in syslog's form, and guessed as there */
    int n = snprintf(text, sizeof text, "%s %d %.*s", months[month - 1], day,
                     RP_FMT(str_head(r, rp_find_byte(r, ' '))));
    struct rp_str stamp = {text, n > 0 && (size_t)n < sizeof text ? (size_t)n : 0};
    if (!rp_stamp_take(st, &stamp, us, &syslog))
        return false;
    *s = str_from(*s, close + 2);
    return true;
}

/* Serilog: "[2026-11-23T22:59:10.616Z INF] ", "[22:59:10 INF] " */
static bool take_serilog(struct rp_stamp *st, struct rp_str *s, int64_t *us)
{
    static const char *const levels[] = {"vrb", "dbg", "inf", "wrn", "err", "ftl", NULL};
    bool syslog;
    struct rp_str r = *s;
    if (!rp_skip(&r, "[") ||
        (!rp_stamp_take(st, &r, us, &syslog) && !rp_stamp_take_clock(st, &r, us)) ||
        !rp_skip(&r, " "))
        return false;
    struct rp_str level = rp_take_until(&r, ']');
    if (!rp_str_in(level, levels))
        return false;
    *s = rp_strip(r, " ", "");
    return true;
}

bool rp_take_front(struct rp_stamp *st, struct rp_str *s, int64_t *us, bool *bad)
{
    struct rp_str before = *s;
    if (before.n < 12 || (!is_upper(before.p[0]) && before.p[0] != '['))
        return false;
    if (take_ruby(st, s, us) || take_glog(st, s, us)) {
        *bad = one_of(before.p[0], "EF");
        return true;
    }
    if (!take_serilog(st, s, us))
        return false;
    struct rp_str front = str_head(before, before.n - s->n);
    *bad = str_has(front, "ERR]") || str_has(front, "FTL]");
    return true;
}
