/* Numbers that are no values: the status of an HTTP answer and a SQLSTATE say what happened, so two
 * of them never share a pattern. Exit codes and numbers of signals do vary: programs write one
 * message for all of them. */
#include "analyze/miner/chars.h"
#include "analyze/miner/internal.h"

enum { BACK = 6 /* tokens between the name and its number */ };

/* "status", "code" and marks may stand in between. */
static bool is_between(const struct rp_token *t)
{
    static const char *const words[] = {"status", "code", "error", "response", NULL};
    if (t->kind == RP_K_BLANK)
        return true;
    if (t->kind == RP_K_PUNCT)
        return t->n == 1 && rp_among(t->p[0], ":=[(");
    for (const char *const *w = words; t->kind == RP_K_WORD && *w != NULL; w++)
        if (rp_str_is_word((struct rp_str){t->p, t->n}, *w))
            return true;
    return false;
}

static const struct rp_token *name_before(const struct rp_scan *s)
{
    for (size_t i = s->n; i > 0 && s->n - i < BACK; i--)
        if (!is_between(&s->v[i - 1]))
            return &s->v[i - 1];
    return NULL;
}

/* "HTTP/1.1 503 Service Unavailable"; behind a request it is a value of the access log. */
static bool is_answer(const struct rp_scan *s, const struct rp_token *t)
{
    return t->n > 5 && memcmp(t->p, "HTTP/", 5) == 0 && s->method == SIZE_MAX &&
           t == &s->v[s->n - 2];
}

static bool ends_at(const struct rp_at *at, const char *p)
{
    return p == at->end || !(rp_is(*p, RP_C_WORD) ||
                             (rp_is(*p, RP_C_JOIN) && p + 1 < at->end && rp_is(p[1], RP_C_WORD)));
}

enum { STATUS = 3, SQLSTATE = 5 };

size_t rp_code_length(const struct rp_at *at)
{
    size_t n = 0;
    while (n <= SQLSTATE && rp_is(at->p[n], RP_C_DIGIT | RP_C_UPPER))
        n++;
    return n == STATUS || n == SQLSTATE ? n : 0;
}

size_t rp_code_at(const struct rp_scan *s, const struct rp_at *at)
{
    size_t n = rp_code_length(at);
    const struct rp_token *t = n > 0 ? name_before(s) : NULL;
    if (t == NULL || !ends_at(at, at->p + n))
        return 0;
    struct rp_str name = {t->p, t->n};
    if (n == SQLSTATE)
        return rp_str_is_word(name, "sqlstate") ? n : 0;
    bool status = *at->p >= '1' && *at->p <= '5' && rp_run(at->p, at->end, RP_C_DIGIT) == n;
    return status && (rp_str_is_word(name, "http") || is_answer(s, t)) ? n : 0;
}
