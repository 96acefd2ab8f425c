/* From any text to the one line that stands for it. */
#include "analyze/internal.h"

bool rp_str_is_word(struct rp_str s, const char *word)
{
    size_t i = 0;
    while (i < s.n && word[i] != '\0' && to_lower(s.p[i]) == word[i])
        i++;
    return i == s.n && word[i] == '\0' && s.p != NULL;
}

bool rp_str_in(struct rp_str s, const char *const *words)
{
    for (; *words != NULL; words++)
        if (rp_str_is_word(s, *words))
            return true;
    return false;
}

/* Length of the terminal escape at p (ECMA-48: CSI, OSC and other strings, two-byte escapes). */
static size_t escape_len(const char *p, size_t n)
{
    if (n < 2)
        return n;
    size_t i = 2;
    if (p[1] == '[') {
        while (i < n && !(p[i] >= '@' && p[i] <= '~') && p[i] >= ' ')
            i++;
        return i < n && p[i] >= ' ' ? i + 1 : i;
    }
    if (p[1] == ']' || p[1] == 'P' || p[1] == '_' || p[1] == '^') {
        while (i < n && p[i] != '\a' && p[i] != '\033' && p[i] != '\n')
            i++;
        return i < n && p[i] == '\033' && i + 1 < n && p[i + 1] == '\\' ? i + 2
               : i < n && p[i] == '\a'                                  ? i + 1
                                                                        : i;
    }
    return p[1] >= ' ' ? 2 : 1;
}

/* Copies without escapes; other control characters become blanks, a carriage return ends a line. */
static size_t clean(char *out, struct rp_str text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.n;) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '\033') {
            i += escape_len(text.p + i, text.n - i);
            continue;
        }
        out[n++] = c == '\r' ? '\n' : c == '\n' || c == '\t' || c >= ' ' ? (char)c : ' ';
        i++;
    }
    return n;
}

static bool blank_line(struct rp_str s)
{
    return rp_str_trim(s).n == 0;
}

static struct rp_str right_trim(struct rp_str s)
{
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

static size_t count_newlines(const char *p, size_t n)
{
    size_t lines = 0;
    for (size_t i = 0; i < n; i++)
        lines += p[i] == '\n';
    return lines;
}

struct rp_lines rp_text_lines(struct rp_arena *a, struct rp_str text)
{
    struct rp_str parts[2] = {text, RP_NONE};
    if (text.n > RP_TEXT_MAX) {
        parts[0] = str_head(text, RP_TEXT_MAX / 4);
        parts[1] = str_from(text, text.n - (RP_TEXT_MAX - RP_TEXT_MAX / 4));
    }
    char *p = rp_alloc(a, parts[0].n + parts[1].n + 1);
    size_t n = clean(p, parts[0]);
    if (parts[1].n > 0) {
        p[n++] = '\n';
        n += clean(p + n, parts[1]);
    }
    struct rp_lines out = {RP_NEW_N(a, struct rp_str, count_newlines(p, n) + 1), 0};
    struct rp_str rest = {p, n}, line;
    while (rp_str_split(&rest, '\n', &line))
        if (!blank_line(line))
            out.v[out.n++] = right_trim(line);
    return out;
}

/* ---- which line states the error ---- */

static const char *const quiet_levels[] = {"info", "debug",   "trace", "notice", "verbose",
                                           "fine", "warning", "warn",  NULL};
/* Beginnings of words that state that something went wrong. */
static const char *const bad_words[] = {
    "error",       "err",     "exception",    "fatal",     "fail",      "panic",     "crit",
    "emerg",       "cannot",  "can't",        "couldn't",  "unable",    "denied",    "refused",
    "reject",      "timeout", "timed",        "invalid",   "illegal",   "missing",   "abort",
    "crash",       "killed",  "segmentation", "unknown",   "corrupt",   "expired",   "violat",
    "deadlock",    "exceed",  "unexpected",   "undefined", "malformed", "forbidden", "unauthorized",
    "unavailable", "lost",    "broken",       "bad",       NULL};
static const char *const bad_phrases[] = {"not found", "no such",  "out of memory",
                                          "could not", "too many", "no space left",
                                          "is not ",   NULL};

static bool starts_word(struct rp_str s, const char *word)
{
    size_t i = 0;
    while (i < s.n && word[i] != '\0' && to_lower(s.p[i]) == word[i])
        i++;
    return word[i] == '\0';
}

/* errno's names (ECONNREFUSED) and CamelCase types (TypeError) state an error in one word. */
static bool error_word(struct rp_str w)
{
    size_t upper = 0;
    while (upper < w.n && is_upper(w.p[upper]))
        upper++;
    return (w.p[0] == 'E' && upper == w.n && w.n >= 4) || rp_str_ends(w, "Error") ||
           rp_str_ends(w, "Exception");
}

static bool begins_with_any(struct rp_str s, const char *const *words)
{
    for (; *words != NULL; words++)
        if (starts_word(s, *words))
            return true;
    return false;
}

static struct rp_str next_word(struct rp_str s, size_t *i)
{
    while (*i < s.n && !is_alpha(s.p[*i]))
        (*i)++;
    size_t from = *i;
    while (*i < s.n && (is_alnum(s.p[*i]) || s.p[*i] == '\''))
        (*i)++;
    return (struct rp_str){s.p + from, *i - from};
}

static bool negated(struct rp_str line, struct rp_str word)
{
    size_t at = (size_t)(word.p - line.p), from = at > 12 ? at - 12 : 0;
    struct rp_str before = rp_str_trim((struct rp_str){line.p + from, at - from});
    return rp_str_ends(before, " 0") || rp_str_is(before, "0") || rp_str_ends(before, "no") ||
           rp_str_ends(before, "No") || rp_str_ends(before, "without");
}

static bool has_bad_word(struct rp_str line)
{
    for (size_t i = 0; i < line.n;) {
        struct rp_str w = next_word(line, &i), rest = str_from(line, (size_t)(w.p - line.p));
        bool bad = w.n >= 3 && (error_word(w) || begins_with_any(w, bad_words));
        if ((bad && !negated(line, w)) || begins_with_any(rest, bad_phrases))
            return true;
    }
    return false;
}

/* A line that names a quiet level near its start states no error, whatever words follow. */
static bool quiet(struct rp_str line)
{
    struct rp_str head = str_head(line, 64);
    for (size_t i = 0, words = 0; i < head.n && words < 6; words++)
        if (rp_str_in(next_word(head, &i), quiet_levels))
            return true;
    return false;
}

static struct rp_str choose(const struct rp_lines *lines)
{
    const struct rp_str *first_quiet = NULL;
    for (size_t i = 0; i < lines->n; i++) {
        if (rp_line_is_frame(lines->v[i]) || !has_bad_word(lines->v[i]))
            continue;
        if (!quiet(lines->v[i]))
            return lines->v[i];
        if (first_quiet == NULL)
            first_quiet = &lines->v[i];
    }
    return first_quiet != NULL ? *first_quiet : lines->v[lines->n - 1];
}

/* ---- made fit to be shown and stored ---- */

/* Length of the valid UTF-8 character at p, 0 if there is none. */
static size_t character(const char *p, size_t n)
{
    unsigned char c = (unsigned char)p[0];
    size_t len = c < 0x80 ? 1 : c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    return len <= n && rp_utf8_valid((struct rp_str){p, len}) ? len : 0;
}

static struct rp_str presentable(struct rp_arena *a, struct rp_str s)
{
    static const char replacement[] = "\xEF\xBF\xBD";
    s = rp_str_trim(s);
    if (s.n <= RP_KEY_LINE_MAX && rp_utf8_valid(s))
        return s;
    char *p = rp_alloc(a, RP_KEY_LINE_MAX + 4);
    size_t n = 0;
    for (size_t i = 0; i < s.n;) {
        size_t len = character(s.p + i, s.n - i), add = len > 0 ? len : 3;
        if (n + add > RP_KEY_LINE_MAX)
            break;
        memcpy(p + n, len > 0 ? s.p + i : replacement, add);
        n += add;
        i += len > 0 ? len : 1;
    }
    return (struct rp_str){p, n};
}

struct rp_key rp_key_line(struct rp_arena *a, struct rp_str text)
{
    struct rp_lines lines = rp_text_lines(a, text);
    struct rp_key key = {RP_STR("no message"), RP_NONE};
    if (lines.n == 0)
        return key;
    if (!rp_trace_read(a, &lines, &key) || blank_line(key.line)) /* a trace that says nothing */
        key.line = choose(&lines);
    key.line = presentable(a, key.line);
    return key;
}
