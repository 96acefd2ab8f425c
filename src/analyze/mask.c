/* What varies in a line becomes <*>. One pass: at each position the masks are asked in the order of
 * the table at the end, the first that takes something wins; what none takes is copied. */
#include "analyze/internal.h"

struct mask {
    struct rp_str in;
    size_t i;  /* where we are in the line */
    char *out; /* room for 3 bytes a byte of the line: a one-digit number grows to "<*>" */
    size_t n;
};

static char at(const struct mask *m, size_t i)
{
    return i < m->in.n ? m->in.p[i] : '\0';
}

static char before(const struct mask *m)
{
    return m->i > 0 ? m->in.p[m->i - 1] : ' ';
}

static void copy(struct mask *m, size_t n)
{
    memcpy(m->out + m->n, m->in.p + m->i, n);
    m->n += n;
    m->i += n;
}

static bool ends_with_wild(const struct mask *m)
{
    return m->n >= 3 && memcmp(m->out + m->n - 3, "<*>", 3) == 0;
}

/* Lists and compounds of values ("1, 2, 3", "12-34", "10.0.0.1:80") become one wildcard. */
static void drop_joined(struct mask *m)
{
    size_t sep = 0;
    while (sep < 2 && sep < m->n && m->out[m->n - 1 - sep] == ' ')
        sep++;
    if (sep < m->n && sep < 2 && one_of(m->out[m->n - 1 - sep], ".-:/,_") &&
        (sep == 0 || m->out[m->n - 1 - sep] == ','))
        sep++;
    else
        return;
    m->n -= sep;
    if (ends_with_wild(m))
        m->n -= 3;
    else
        m->n += sep;
}

static void wild(struct mask *m, size_t n)
{
    drop_joined(m);
    memcpy(m->out + m->n, "<*>", 3);
    m->n += 3;
    m->i += n;
}

static size_t digits(const struct mask *m, size_t i)
{
    size_t n = 0;
    while (is_digit(at(m, i + n)))
        n++;
    return n;
}

/* ---- what carries meaning ---- */

/* Words after which a number is a code, not a value; compared with the end of the word before. */
static const char *const code_words[] = {"errno", "status", "code", "sqlstate",   "signal",
                                         "http",  "exit",   "sig",  "statuscode", NULL};
/* After these only when nothing but one separator stands between ("error 1062", "err=12"). */
static const char *const error_words[] = {"error", "err", NULL};

/* The word that ends before `end`, and how many separators stand behind it. */
static struct rp_str word_before(struct rp_str s, size_t end, size_t *gap)
{
    size_t to = end;
    while (to > 0 && end - to < 4 && one_of(s.p[to - 1], " :=#(['\""))
        to--;
    *gap = end - to;
    size_t from = to;
    while (from > 0 && to - from < 20 && is_alpha(s.p[from - 1]))
        from--;
    return (struct rp_str){s.p + from, to - from};
}

static bool ends_with_word(struct rp_str w, const char *const *words)
{
    for (; *words != NULL; words++) {
        size_t n = strlen(*words);
        if (w.n >= n && rp_str_is_word(str_from(w, w.n - n), *words))
            return true;
    }
    return false;
}

static bool after_code_word(struct rp_str s, size_t i, size_t len)
{
    size_t gap;
    if (len > 5)
        return false;
    struct rp_str w = word_before(s, i, &gap);
    if (gap == 0 || w.n == 0)
        return false;
    if (ends_with_word(w, code_words))
        return true;
    bool http = len == 3 && (s.p[i] == '4' || s.p[i] == '5');
    return ends_with_word(w, error_words) && (http || (gap == 1 && s.p[i - 1] != ':'));
}

/* "429 Too Many Requests", "503 Service Unavailable": the reason phrases of RFC 9110 and 6585. */
static bool before_reason(const struct mask *m, size_t len)
{
    static const char *const reasons[] = {" bad request",
                                          " unauthorized",
                                          " forbidden",
                                          " not found",
                                          " conflict",
                                          " too many requests",
                                          " internal server",
                                          " not implemented",
                                          " bad gateway",
                                          " service",
                                          " gateway",
                                          " request timeout",
                                          " gone",
                                          " unprocessable",
                                          " payload too large",
                                          " request entity",
                                          " client error",
                                          " server error",
                                          " proxy authentication",
                                          NULL};
    struct rp_str rest = str_from(m->in, m->i + len);
    if (len != 3)
        return false;
    for (const char *const *r = reasons; *r != NULL; r++)
        if (rp_str_is_word(str_head(rest, strlen(*r)), *r))
            return true;
    return false;
}

/* The status of an access log or status line: HTTP/1.1" 502 */
static bool after_http_version(const struct mask *m, size_t len)
{
    size_t i = m->i;
    while (i > 0 && one_of(m->in.p[i - 1], " \""))
        i--;
    while (i > 0 && (is_digit(m->in.p[i - 1]) || m->in.p[i - 1] == '.'))
        i--;
    return len == 3 && i >= 5 && i < m->i && memcmp(m->in.p + i - 5, "HTTP/", 5) == 0;
}

static bool keep_number(struct mask *m)
{
    size_t len = digits(m, m->i);
    char next = at(m, m->i + len);
    if (len == 0 || is_alnum(before(m)) || (next == '.' && is_digit(at(m, m->i + len + 1))))
        return false;
    while (is_alnum(at(m, m->i + len))) /* 40P01 */
        len++;
    if (!after_code_word(m->in, m->i, len) && !before_reason(m, len) && !after_http_version(m, len))
        return false;
    copy(m, len);
    return true;
}

static bool keep_wildcard(struct mask *m)
{
    if (!rp_str_starts(str_from(m->in, m->i), "<*>"))
        return false;
    wild(m, 3);
    return true;
}

/* ---- values ---- */

/* A quoted string is a value if it is one or two words, text if it is more; a key if a colon
 * follows ({"code": 7}); a constant if it is in capitals ('SIGKILL', "RESOURCE_EXHAUSTED"). */
static bool quoted(struct mask *m)
{
    char open = at(m, m->i), close = open == '`' ? '\'' : open;
    if ((open != '"' && open != '\'' && open != '`') || is_alnum(before(m)) ||
        one_of(at(m, m->i + 1), " [{(,)"))
        return false;
    size_t end = m->i + 1, blanks = 0, plain = 0;
    while (end < m->in.n && end - m->i < 200 && at(m, end) != close && at(m, end) != open) {
        blanks += at(m, end) == ' ';
        plain += is_upper(at(m, end)) || at(m, end) == '_';
        end++;
    }
    size_t len = end - m->i - 1;
    if ((at(m, end) != close && at(m, end) != open) || len == 0 || is_alnum(at(m, end + 1)))
        return false;
    bool key = at(m, end + 1) == ':' && one_of(at(m, end + 2), " \"'{[0123456789");
    bool code = digits(m, m->i + 1) == len && after_code_word(m->in, m->i, len);
    if (blanks > 1)
        return false;
    if (key || code || (plain == len && len >= 3)) {
        copy(m, len + 2);
        return true;
    }
    copy(m, 1);
    wild(m, len);
    copy(m, 1);
    return true;
}

static size_t uuid_len(const struct mask *m, size_t i)
{
    static const size_t groups[] = {8, 4, 4, 4, 12};
    size_t from = i;
    for (size_t g = 0; g < 5; g++) {
        if (g > 0 && at(m, i++) != '-')
            return 0;
        for (size_t k = 0; k < groups[g]; k++)
            if (!is_hex(at(m, i++)))
                return 0;
    }
    return is_alnum(at(m, i)) ? 0 : i - from;
}

static bool uuid(struct mask *m)
{
    size_t len = is_hex(at(m, m->i)) && !is_alnum(before(m)) ? uuid_len(m, m->i) : 0;
    if (len > 0)
        wild(m, len);
    return len > 0;
}

static size_t clock_len(const struct mask *m, size_t i)
{
    size_t from = i, h = digits(m, i);
    if (h < 1 || h > 2 || at(m, i + h) != ':' || digits(m, i + h + 1) != 2)
        return 0;
    i += h + 3;
    if (at(m, i) == ':' && digits(m, i + 1) == 2)
        i += 3;
    else if (h != 2 || at(m, i) == ':')
        return 0;
    if ((at(m, i) == '.' || at(m, i) == ',') && digits(m, i + 1) > 0)
        i += 1 + digits(m, i + 1);
    return i - from;
}

static size_t zone_len(const struct mask *m, size_t i)
{
    size_t blank = at(m, i) == ' ' ? 1 : 0;
    if (blank == 0 && (at(m, i) == 'Z' || at(m, i) == 'z') && !is_alnum(at(m, i + 1)))
        return 1;
    if (at(m, i + blank) != '+' && at(m, i + blank) != '-')
        return 0;
    size_t h = digits(m, i + blank + 1);
    if (h == 4)
        return blank + 5;
    return h == 2 && at(m, i + blank + 3) == ':' && digits(m, i + blank + 4) == 2 ? blank + 6 : 0;
}

static size_t date_len(const struct mask *m, size_t i)
{
    char sep = at(m, i + 4);
    return digits(m, i) == 4 && (sep == '-' || sep == '/') && digits(m, i + 5) == 2 &&
                   at(m, i + 7) == sep && digits(m, i + 8) == 2
               ? 10
               : 0;
}

/* "Nov 23 22:28:42", "23/Nov/2026:22:28:42" */
static size_t named_date_len(const struct mask *m, size_t i)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    bool day_first = digits(m, i) == 2 && at(m, i + 2) == '/';
    size_t name = day_first ? i + 3 : i;
    if (name + 3 > m->in.n)
        return 0;
    const char *hit = memmem(months, sizeof months - 1, m->in.p + name, 3);
    if (hit == NULL || (hit - months) % 3 != 0)
        return 0;
    if (day_first)
        return at(m, name + 3) == '/' && digits(m, name + 4) == 4 ? 11 : 0;
    size_t d = name + 3;
    while (at(m, d) == ' ' && d < name + 5)
        d++;
    size_t n = digits(m, d);
    return d > name + 3 && n >= 1 && n <= 2 && clock_len(m, d + n + 1) > 0 ? d + n - i : 0;
}

/* A date, a time of day, or both with an offset. */
static bool stamp(struct mask *m)
{
    if (is_alnum(before(m)))
        return false;
    size_t i = m->i, date = date_len(m, i);
    if (date == 0)
        date = named_date_len(m, i);
    i += date;
    bool glue = date > 0 && one_of(at(m, i), "T :_");
    size_t clock = clock_len(m, i + (glue ? 1 : 0));
    if (clock > 0) {
        i += clock + (glue ? 1 : 0);
        i += zone_len(m, i);
    }
    if (date == 0 && clock == 0)
        return false;
    wild(m, i - m->i);
    return true;
}

/* IPv6 with port or prefix, MAC addresses: hex groups with two colons side by side or five in all.
 */
static bool colon_address(struct mask *m)
{
    size_t bracket = at(m, m->i) == '[' ? 1 : 0, i = m->i + bracket, colons = 0;
    bool pair = false;
    if (is_alnum(before(m)) || before(m) == ':')
        return false;
    for (; is_hex(at(m, i)) || at(m, i) == ':' || (colons > 1 && at(m, i) == '.'); i++) {
        colons += at(m, i) == ':';
        pair = pair || (at(m, i) == ':' && at(m, i + 1) == ':');
    }
    if (colons < 2 || (!pair && colons < 5) || is_alnum(at(m, i)) || i - m->i < 3)
        return false;
    if (bracket > 0 && at(m, i) == ']') {
        i++;
        if (at(m, i) == ':' && digits(m, i + 1) > 0)
            i += 1 + digits(m, i + 1);
    } else if (bracket > 0) {
        return false;
    }
    wild(m, i - m->i);
    return true;
}

/* Letters that stand right behind a number as its unit. */
static size_t unit_len(const struct mask *m, size_t i)
{
    static const char *const units[] = {"ns", "us", "ms", "s",   "m",   "min", "h",   "d",   "b",
                                        "k",  "kb", "mb", "gb",  "tb",  "kib", "mib", "gib", "tib",
                                        "g",  "x",  "hz", "mhz", "ghz", "sec", "bps", "th",  NULL};
    size_t n = 0;
    while (n < 4 && is_alpha(at(m, i + n)))
        n++;
    return !is_alnum(at(m, i + n)) && rp_str_in((struct rp_str){m->in.p + i, n}, units) ? n : 0;
}

/* 12, 1.5, 1,482, 10.0.0.1, 99%, 250ms, 1h30m, -3 */
static bool number(struct mask *m)
{
    size_t i = m->i;
    if (is_alnum(before(m)))
        return false;
    if ((at(m, i) == '-' || at(m, i) == '+') && one_of(before(m), " =(:,["))
        i++;
    size_t n = digits(m, i);
    if (n == 0)
        return false;
    for (i += n;
         (at(m, i) == '.' && digits(m, i + 1) > 0) || (at(m, i) == ',' && digits(m, i + 1) == 3);)
        i += 1 + digits(m, i + 1);
    size_t unit;
    while (is_alpha(at(m, i)) && digits(m, i + 1) > 0 && one_of(at(m, i), "dhm"))
        i += 1 + digits(m, i + 1); /* 1h30m */
    if (is_alpha(at(m, i)) && (unit = unit_len(m, i)) > 0)
        i += unit;
    if (is_alnum(at(m, i)))
        return false;
    wild(m, i + (at(m, i) == '%' ? 1 : 0) - m->i);
    return true;
}

/* An id among the letters and digits of a word: 0x…, hex of 6 and more with both, or 8 characters
 * and more with two runs of digits or 40 % of them. */
static bool id_like(struct rp_str w)
{
    size_t n_digits = 0, n_hex = 0, runs = 0;
    if (w.n > 2 && w.p[0] == '0' && (w.p[1] == 'x' || w.p[1] == 'X')) {
        while (n_hex < w.n - 2 && is_hex(w.p[n_hex + 2]))
            n_hex++;
        return n_hex == w.n - 2;
    }
    for (size_t i = 0; i < w.n; i++) {
        bool digit = is_digit(w.p[i]);
        n_digits += digit;
        n_hex += is_hex(w.p[i]);
        runs += digit && (i == 0 || !is_digit(w.p[i - 1]));
    }
    if (n_digits == 0)
        return false;
    return n_digits == w.n || (n_hex == w.n && w.n >= 6) ||
           (w.n >= 8 && (runs >= 2 || n_digits * 5 >= w.n * 2));
}

static bool word(struct mask *m)
{
    size_t n = 0;
    while (is_alnum(at(m, m->i + n)))
        n++;
    if (n == 0)
        return false;
    if (id_like((struct rp_str){m->in.p + m->i, n}))
        wild(m, n);
    else
        copy(m, n);
    return true;
}

/* name@host.tld; the name was copied already when the @ is met. */
static bool email(struct mask *m)
{
    if (at(m, m->i) != '@' || !is_alnum(before(m)) || !is_alnum(at(m, m->i + 1)))
        return false;
    size_t end = m->i + 1, dots = 0;
    for (; is_alnum(at(m, end)) || at(m, end) == '-' || at(m, end) == '.'; end++)
        dots += at(m, end) == '.' && is_alpha(at(m, end + 1));
    if (dots == 0)
        return false;
    while (end > m->i && !is_alnum(at(m, end - 1)))
        end--;
    while (m->n > 0 &&
           (is_alnum(m->out[m->n - 1]) || one_of(m->out[m->n - 1], "._+-") || ends_with_wild(m)))
        m->n -= ends_with_wild(m) ? 3 : 1;
    wild(m, end - m->i);
    return true;
}

/* Up to a blank or one of the bytes. */
static size_t run_len(const struct mask *m, size_t i, const char *stops)
{
    size_t n = 0;
    while (i + n < m->in.n && (unsigned char)at(m, i + n) > ' ' && !one_of(at(m, i + n), stops))
        n++;
    return n;
}

/* The secrets and parameters of a URL: user information and query. */
static bool url_part(struct mask *m)
{
    size_t n;
    if (at(m, m->i) == '?' && is_alnum(before(m)) && (n = run_len(m, m->i + 1, "\"')<>,")) > 0) {
        copy(m, 1);
        wild(m, n);
        return true;
    }
    if (!rp_str_starts(str_from(m->in, m->i), "://"))
        return false;
    n = run_len(m, m->i + 3, "/@\"'?");
    bool user = n > 0 && at(m, m->i + 3 + n) == '@';
    copy(m, 3);
    if (user) {
        wild(m, n);
        copy(m, 1);
    }
    return true;
}

/* Homes and temporary names vary as a whole. */
static bool variable_folder(struct mask *m)
{
    static const char *const folders[] = {"/home/", "/Users/", "/tmp/", "/proc/", NULL};
    struct rp_str rest = str_from(m->in, m->i);
    for (const char *const *f = folders; *f != NULL; f++) {
        if (!rp_str_starts(rest, *f) || is_alnum(before(m)))
            continue;
        size_t from = strlen(*f), n = from;
        while (n < rest.n && (is_alnum(rest.p[n]) || one_of(rest.p[n], "._-+@")))
            n++;
        while (n > from && rest.p[n - 1] == '.')
            n--;
        if (n == from)
            return false;
        copy(m, from);
        wild(m, n - from);
        return true;
    }
    return false;
}

static bool blanks(struct mask *m)
{
    if (!is_blank(at(m, m->i)))
        return false;
    while (is_blank(at(m, m->i + 1)))
        m->i++;
    m->out[m->n++] = ' ';
    m->i++;
    return true;
}

static bool (*const masks[])(struct mask *) = {
    blanks, keep_wildcard, quoted,      url_part,        email,  uuid,
    stamp,  colon_address, keep_number, variable_folder, number, word,
};

struct rp_str rp_mask(struct rp_arena *a, struct rp_str line)
{
    struct mask m = {.in = line, .out = rp_alloc(a, line.n * 3 + 1)};
    while (m.i < line.n) {
        size_t k = 0;
        while (k < sizeof masks / sizeof *masks && !masks[k](&m))
            k++;
        if (k == sizeof masks / sizeof *masks)
            copy(&m, 1);
    }
    return (struct rp_str){m.out, m.n};
}
