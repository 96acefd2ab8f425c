/* Pieces of a crontab line that cron reads in its own way. */
#include "config/crontab_internal.h"

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

/* A quoted or bare word off the front of *s; a bare one ends before any of `ends`. False if a quote
 * is not closed. */
static bool take_word(struct rp_str *s, const char *ends, struct rp_str *word)
{
    char quote = s->n > 0 && (s->p[0] == '"' || s->p[0] == '\'') ? s->p[0] : '\0';
    size_t i = quote != '\0';
    while (i < s->n && (quote != '\0' ? s->p[i] != quote : strchr(ends, s->p[i]) == NULL))
        i++;
    if (quote != '\0' && i == s->n)
        return false;
    *word = (struct rp_str){s->p + (quote != '\0'), i - (quote != '\0')};
    i += quote != '\0';
    s->p += i;
    s->n -= i;
    return true;
}

static void skip_blanks(struct rp_str *s)
{
    while (s->n > 0 && blank(s->p[0]))
        s->p++, s->n--;
}

bool rp_crontab_env(struct rp_str line, struct rp_str *name, struct rp_str *value)
{
    struct rp_str s = line;
    skip_blanks(&s);
    if (!take_word(&s, " \t=", name) || name->n == 0)
        return false;
    skip_blanks(&s);
    if (s.n == 0 || s.p[0] != '=')
        return false;
    s.p++, s.n--;
    skip_blanks(&s);
    struct rp_str bare = rp_str_trim(s); /* to the end of the line, a comment there too */
    *value = bare;
    if (s.n == 0 || (s.p[0] != '"' && s.p[0] != '\''))
        return true;
    struct rp_str quoted;
    if (take_word(&s, "", &quoted) && rp_str_trim(s).n == 0)
        *value = quoted;
    return true;
}

/* Copies `s` with `\%` as `%`; a bare `%` becomes a line feed. */
static struct rp_str unescape(struct rp_arena *a, struct rp_str s, bool end_line)
{
    char *p = rp_alloc(a, s.n + 2);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        bool escaped = s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '%';
        i += escaped;
        p[n++] = !escaped && s.p[i] == '%' ? '\n' : s.p[i];
    }
    if (end_line && n > 0 && p[n - 1] != '\n')
        p[n++] = '\n';
    return (struct rp_str){p, n};
}

void rp_crontab_percent(struct rp_arena *a, struct rp_str text, struct rp_str *command,
                        struct rp_str *input)
{
    size_t i = 0;
    while (i < text.n && text.p[i] != '%')
        i += text.p[i] == '\\' && i + 1 < text.n && text.p[i + 1] == '%' ? 2 : 1;
    *command = unescape(a, (struct rp_str){text.p, i}, false);
    *input = RP_NONE;
    if (i < text.n)
        *input = unescape(a, (struct rp_str){text.p + i + 1, text.n - i - 1}, true);
}
