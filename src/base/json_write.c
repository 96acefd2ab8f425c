#include "base/json.h"

#include "base/time.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* What separates a value or key from what came before it. */
static void separate(struct rp_jw *w)
{
    if (w->comma && !w->after_key)
        rp_buf_c(w->out, ',');
    w->after_key = false;
    w->comma = true;
}

static void open_level(struct rp_jw *w, char c)
{
    separate(w);
    rp_buf_c(w->out, c);
    w->comma = false;
}

static void close_level(struct rp_jw *w, char c)
{
    rp_buf_c(w->out, c);
    w->comma = true;
}

void rp_jw_object(struct rp_jw *w)
{
    open_level(w, '{');
}

void rp_jw_object_end(struct rp_jw *w)
{
    close_level(w, '}');
}

void rp_jw_array(struct rp_jw *w)
{
    open_level(w, '[');
}

void rp_jw_array_end(struct rp_jw *w)
{
    close_level(w, ']');
}

/* ---- values ---- */

/* The part of s that needs no escape. */
static size_t plain(struct rp_str s)
{
    size_t i = 0;
    while (i < s.n) {
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == '"' || s.p[i] == '\\')
            break;
        size_t len = rp_utf8_len(s.p + i, s.n - i);
        if (len == 0)
            break;
        i += len;
    }
    return i;
}

static void escape(struct rp_buf *b, char c)
{
    static const char values[] = "\"\\\b\f\n\r\t", names[] = "\"\\bfnrt";
    const char *hit = memchr(values, c, sizeof values - 1);
    if (hit != NULL)
        rp_buf_add(b, (char[]){'\\', names[hit - values]}, 2);
    else if ((unsigned char)c < 0x20)
        rp_buf_fmt(b, "\\u%04x", (unsigned)c);
    else
        rp_buf_str(b, RP_STR("\xEF\xBF\xBD"));
}

static void quoted(struct rp_buf *b, struct rp_str s)
{
    rp_buf_c(b, '"');
    for (;;) {
        size_t n = plain(s);
        rp_buf_add(b, s.p, n);
        if (n == s.n)
            break;
        escape(b, s.p[n]);
        s.p += n + 1;
        s.n -= n + 1;
    }
    rp_buf_c(b, '"');
}

void rp_jw_key_str(struct rp_jw *w, struct rp_str key)
{
    separate(w);
    quoted(w->out, key);
    rp_buf_c(w->out, ':');
    w->after_key = true;
}

void rp_jw_key(struct rp_jw *w, const char *key)
{
    rp_jw_key_str(w, rp_str_of(key));
}

void rp_jw_raw(struct rp_jw *w, struct rp_str json)
{
    separate(w);
    rp_buf_str(w->out, json.p != NULL ? json : RP_STR("null"));
}

void rp_jw_str(struct rp_jw *w, struct rp_str s)
{
    if (s.p == NULL) {
        rp_jw_null(w);
        return;
    }
    separate(w);
    quoted(w->out, s);
}

void rp_jw_i64(struct rp_jw *w, int64_t v)
{
    separate(w);
    rp_buf_i64(w->out, v);
}

void rp_jw_f64(struct rp_jw *w, double v)
{
    char text[32];
    int n = 0;
    if (!isfinite(v)) {
        rp_jw_null(w);
        return;
    }
    /* The C locale, whatever the process has set; glibc hands out a constant for it. 15 digits are
     * kept by every normal double, so fewer need no try: %g drops zeros at the end. */
    locale_t c = newlocale(LC_ALL_MASK, "C", NULL), old = uselocale(c);
    for (int digits = fabs(v) < DBL_MIN ? 1 : 15; digits <= 17; digits++) {
        n = snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    (void)uselocale(old);
    freelocale(c);
    rp_jw_raw(w, (struct rp_str){text, (size_t)n});
}

void rp_jw_bool(struct rp_jw *w, bool v)
{
    rp_jw_raw(w, v ? RP_STR("true") : RP_STR("false"));
}

void rp_jw_null(struct rp_jw *w)
{
    rp_jw_raw(w, RP_STR("null"));
}

/* ---- members ---- */

void rp_jw_m_str(struct rp_jw *w, const char *key, struct rp_str s)
{
    if (s.p == NULL)
        return;
    rp_jw_key(w, key);
    rp_jw_str(w, s);
}

void rp_jw_m_cstr(struct rp_jw *w, const char *key, const char *s)
{
    rp_jw_m_str(w, key, rp_str_of(s));
}

void rp_jw_m_i64(struct rp_jw *w, const char *key, int64_t v)
{
    rp_jw_key(w, key);
    rp_jw_i64(w, v);
}

void rp_jw_m_f64(struct rp_jw *w, const char *key, double v)
{
    rp_jw_key(w, key);
    rp_jw_f64(w, v);
}

void rp_jw_m_bool(struct rp_jw *w, const char *key, bool v)
{
    rp_jw_key(w, key);
    rp_jw_bool(w, v);
}

void rp_jw_m_time(struct rp_jw *w, const char *key, int64_t us)
{
    char text[RP_TIME_LEN];
    if (us != 0)
        rp_jw_m_cstr(w, key, rp_time_format(us, text));
}

void rp_jw_m_id(struct rp_jw *w, const char *key, int64_t id)
{
    if (id == 0)
        return;
    rp_jw_key(w, key);
    separate(w);
    rp_buf_c(w->out, '"');
    rp_buf_i64(w->out, id);
    rp_buf_c(w->out, '"');
}

void rp_jw_m_raw(struct rp_jw *w, const char *key, struct rp_str json)
{
    if (json.p == NULL)
        return;
    rp_jw_key(w, key);
    rp_jw_raw(w, json);
}
