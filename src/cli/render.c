/* Values as people read them: times with an age, durations, sizes, numbers, foreign text made safe.
 */
#include "cli/internal.h"

#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <wchar.h>

const char *show_fmt(struct cli *cli, const char *fmt, ...)
{
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    const char *out = n >= 0 ? rp_cstr(&cli->arena, (struct rp_str){text, (size_t)n}) : "";
    free(text);
    return out;
}

/* ---- foreign text (S15) ---- */

static uint32_t decode(const unsigned char *p, size_t n)
{
    if (n == 1)
        return p[0];
    uint32_t c = (uint32_t)(p[0] & (0xff >> (n + 1)));
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (p[i] & 0x3f);
    return c;
}

/* What would move the cursor, change colours, or show text in another order than it is stored. */
static bool harmful(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x061c || (c >= 0x200b && c <= 0x200f) ||
           (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
           (c >= 0xe0000 && c <= 0xe007f);
}

static void escape_one(struct rp_buf *b, uint32_t c)
{
    static const char letters[] = "abtnvfr"; /* from 7 */
    if (c >= 7 && c <= 13)
        rp_buf_fmt(b, "\\%c", letters[c - 7]);
    else if (c < 0x100)
        rp_buf_fmt(b, "\\x%02x", c);
    else
        rp_buf_fmt(b, "\\u{%x}", c);
}

static const char *escape(struct cli *cli, struct rp_str s, bool lines)
{
    struct rp_buf b = {0};
    for (size_t i = 0; i < s.n;) {
        size_t n = rp_utf8_len(s.p + i, s.n - i);
        uint32_t c = n > 0 ? decode((const unsigned char *)s.p + i, n) : (unsigned char)s.p[i];
        if (n > 0 && (!harmful(c) || (lines && (c == '\n' || c == '\t'))))
            rp_buf_add(&b, s.p + i, n);
        else if (n > 0)
            escape_one(&b, c);
        else
            rp_buf_fmt(&b, "\\x%02x", c);
        i += n > 0 ? n : 1;
    }
    const char *out = rp_cstr(&cli->arena, rp_buf_view(&b));
    rp_buf_free(&b);
    return out;
}

const char *show_text(struct cli *cli, struct rp_str foreign)
{
    return escape(cli, foreign, false);
}

const char *show_lines(struct cli *cli, struct rp_str foreign)
{
    return escape(cli, foreign, true);
}

/* ---- widths ---- */

static int char_width(const char *p, size_t *len)
{
    mbstate_t state = {0};
    wchar_t c;
    size_t n = mbrtowc(&c, p, strnlen(p, MB_LEN_MAX), &state); /* a line may have a megabyte */
    if (n == (size_t)-1 || n == (size_t)-2 || n == 0) {
        *len = 1;
        return 1;
    }
    *len = n;
    int w = wcwidth(c);
    return w > 0 ? w : 0;
}

static size_t colour_len(const char *p)
{
    return p[0] == '\033' ? strcspn(p, "m") + 1 : 0;
}

int text_width(const char *text)
{
    int width = 0;
    for (size_t i = 0, n; text[i] != '\0'; i += n) {
        n = colour_len(text + i);
        if (n == 0)
            width += char_width(text + i, &n);
    }
    return width;
}

size_t text_fit(const char *text, int columns)
{
    size_t i = 0, n;
    for (int width = 0; text[i] != '\0'; i += n) {
        n = colour_len(text + i);
        if (n == 0 && (width += char_width(text + i, &n)) > columns)
            break;
    }
    return i;
}

const char *show_cut(struct cli *cli, struct rp_str foreign, int columns)
{
    const char *text = show_text(cli, foreign);
    if (text_width(text) <= columns)
        return text;
    return show_fmt(cli, "%.*s…", (int)text_fit(text, columns - 1), text);
}

/* ---- numbers ---- */

const char *show_count(struct cli *cli, int64_t n)
{
    char digits[32], out[48];
    int len = snprintf(digits, sizeof digits, "%lld", (long long)(n < 0 ? -n : n)), o = 0;
    if (n < 0)
        out[o++] = '-';
    for (int i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0)
            out[o++] = ',';
        out[o++] = digits[i];
    }
    out[o] = '\0';
    return show_fmt(cli, "%s", out);
}

const char *show_plural(struct cli *cli, int64_t n, const char *one, const char *many)
{
    return show_fmt(cli, "%s %s", show_count(cli, n), n == 1 ? one : many);
}

const char *show_bytes(struct cli *cli, int64_t n)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB", "PB"};
    double v = (double)n;
    int u = -1;
    while (v >= 999.5 && u < 4) {
        v /= 1000;
        u++;
    }
    if (u < 0)
        return show_fmt(cli, "%lld B", (long long)n);
    return show_fmt(cli, v < 9.95 ? "%.1f %s" : "%.0f %s", v, units[u]);
}

const char *show_percent(struct cli *cli, double share)
{
    double p = share * 100;
    if (p > 0 && p < 0.1)
        return "< 0.1 %";
    if (fabs(p - round(p)) < 0.05)
        return show_fmt(cli, "%.0f %%", p);
    return show_fmt(cli, "%.1f %%", p);
}

/* ---- times ---- */

const char *show_span(struct cli *cli, int64_t us)
{
    int64_t s = (us + RP_US_S / 2) / RP_US_S;
    if (us < 1000)
        return us <= 0 ? "0 s" : show_fmt(cli, "%lld µs", (long long)us);
    if (us < 999500)
        return show_fmt(cli, "%lld ms", (long long)((us + 500) / 1000));
    if (us < 59500000)
        return show_fmt(cli, us < 9950000 ? "%.1f s" : "%.0f s", (double)us / 1e6);
    if (s < 3600)
        return s % 60 == 0 ? show_fmt(cli, "%lld min", (long long)s / 60)
                           : show_fmt(cli, "%lld min %lld s", (long long)s / 60, (long long)s % 60);
    int64_t min = (s + 30) / 60;
    if (min < INT64_C(48) * 60)
        return min % 60 == 0
                   ? show_fmt(cli, "%lld h", (long long)min / 60)
                   : show_fmt(cli, "%lld h %lld min", (long long)min / 60, (long long)min % 60);
    int64_t h = (min + 30) / 60;
    return h % 24 == 0 || h >= INT64_C(24) * 14
               ? show_fmt(cli, "%lld d", (long long)h / 24)
               : show_fmt(cli, "%lld d %lld h", (long long)h / 24, (long long)h % 24);
}

/* One unit is enough for an age. */
static const char *rough(struct cli *cli, int64_t us)
{
    static const struct {
        int64_t us;
        const char *unit;
    } units[] = {{RP_US_DAY, "d"}, {RP_US_H, "h"}, {RP_US_MIN, "min"}, {RP_US_S, "s"}};
    for (size_t i = 0; i < 4; i++)
        if (us >= units[i].us * (i == 3 ? 1 : 2) || (i == 2 && us >= 90 * RP_US_S))
            return show_fmt(cli, "%lld %s", (long long)(us / units[i].us), units[i].unit);
    return us >= RP_US_S ? show_fmt(cli, "%lld s", (long long)(us / RP_US_S))
                         : show_fmt(cli, "0.%lld s", (long long)(us / (RP_US_S / 10)));
}

const char *show_age(struct cli *cli, int64_t since_us)
{
    int64_t us = cli->now_us - since_us;
    return rough(cli, us < 0 ? 0 : us);
}

static bool same_day(int64_t a, int64_t b)
{
    return a / RP_US_DAY == b / RP_US_DAY;
}

static const char *date_of(struct cli *cli, int64_t us)
{
    char text[RP_TIME_LEN];
    return show_fmt(cli, "%.10s", rp_time_format(us, text));
}

const char *show_clock(struct cli *cli, int64_t us)
{
    char text[RP_TIME_LEN];
    (void)rp_time_format(us, text);
    return same_day(us, cli->now_us) ? show_fmt(cli, "%.8s", text + 11)
                                     : show_fmt(cli, "%.10s %.5s", text, text + 11);
}

/* The day is said once where it is one, and of both ends where there are two. */
const char *show_period(struct cli *cli, int64_t from_us, int64_t to_us)
{
    char from[RP_TIME_LEN], to[RP_TIME_LEN];
    bool today = same_day(from_us, cli->now_us);
    (void)rp_time_format(from_us, from);
    (void)rp_time_format(to_us, to);
    if (!same_day(from_us, to_us))
        return show_fmt(cli, "%.10s %.5s – %.10s %.5s", from, from + 11, to, to + 11);
    const char *day = today ? "" : show_fmt(cli, "%.10s ", from);
    if (from_us / RP_US_S == to_us / RP_US_S)
        return show_fmt(cli, "%s%.8s", day, from + 11);
    return show_fmt(cli, "%s%.8s – %.8s", day, from + 11, to + 11);
}

const char *show_time(struct cli *cli, int64_t us)
{
    char text[RP_TIME_LEN];
    (void)rp_time_format(us, text);
    const char *date = same_day(us, cli->now_us) ? "" : show_fmt(cli, "%s ", date_of(cli, us));
    int64_t ahead = us - cli->now_us;
    if (ahead > 0)
        return show_fmt(cli, "%s%.5s UTC, in %s", date, text + 11, rough(cli, ahead));
    return show_fmt(cli, "%s%.5s UTC, %s ago", date, text + 11, show_age(cli, us));
}

/* ---- colour ---- */

const char *painted(struct cli *cli, enum paint p, const char *text)
{
    static const char *const codes[] = {
        [BOLD] = "1", [DIM] = "2", [RED] = "31", [GREEN] = "32", [YELLOW] = "33", [CYAN] = "36"};
    if (!cli->color || p == PLAIN)
        return text;
    return show_fmt(cli, "\033[%sm%s\033[0m", codes[p], text);
}

enum paint state_paint(struct rp_str state)
{
    static const struct {
        const char *state;
        enum paint paint;
    } paints[] = {
        {"failed", RED},         {"timeout", RED},    {"lost", RED},       {"missed", RED},
        {"down", RED},           {"fails", RED},      {"unknown", YELLOW}, {"retrying", YELLOW},
        {"halted", RED},         {"paused", YELLOW},  {"running", CYAN},   {"succeeded", GREEN},
        {"up", GREEN},           {"holds", GREEN},    {"done", GREEN},     {"ran", GREEN},
        {"interrupted", YELLOW}, {"skipped", YELLOW}, {"cancelled", DIM},  {"held", YELLOW}};
    for (size_t i = 0; i < sizeof paints / sizeof *paints; i++)
        if (rp_str_is(state, paints[i].state))
            return paints[i].paint;
    return PLAIN;
}
