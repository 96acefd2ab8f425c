#include "cli/selector.h"

#include <stdlib.h>

enum { KNOWN = 1024, KNOWN_BYTES = 256 };

/* What a pattern said of a value: columns repeat themselves. */
struct known {
    uint64_t hash;
    size_t n;
    char text[KNOWN_BYTES];
    bool there, holds;
};

/* \d as in other dialects: POSIX has no word for it. */
static char *posix(struct rp_str pattern)
{
    struct rp_buf out = {0};
    for (size_t i = 0; i < pattern.n; i++) {
        bool digit = pattern.p[i] == '\\' && i + 1 < pattern.n && pattern.p[i + 1] == 'd';
        if (digit)
            rp_buf_add(&out, "[0-9]", 5);
        else
            rp_buf_c(&out, pattern.p[i]);
        if (pattern.p[i] == '\\' && i + 1 < pattern.n && !digit)
            rp_buf_c(&out, pattern.p[i + 1]);
        i += pattern.p[i] == '\\' && i + 1 < pattern.n;
    }
    rp_buf_c(&out, '\0');
    return out.p;
}

static bool compile(struct selector *s, struct rp_err *err)
{
    char *text = posix(s->values), why[160];
    int code = regcomp(&s->pattern, text, REG_EXTENDED | REG_NOSUB);
    free(text);
    if (code != 0) {
        (void)regerror(code, &s->pattern, why, sizeof why);
        (void)rp_fail(err, RP_E_USAGE, "--%s: %s", s->option, why);
        return rp_hint(err, "extended regular expressions, as grep -E reads them");
    }
    s->by_pattern = true;
    s->known = rp_xcalloc(KNOWN, sizeof *s->known);
    return true;
}

bool selector_parse(struct selector *s, const char *option, const char *text, struct rp_err *err)
{
    size_t at = strcspn(text, "=~");
    bool pattern = text[at] == '~';
    *s = (struct selector){.option = option, .column = {text, at}};
    if (at == 0 || text[at] == '\0' || (pattern && text[at + 1] == '\0')) {
        (void)rp_fail(err, RP_E_USAGE, "--%s: \"%s\" is not COLUMN=VALUE|VALUE", option, text);
        return rp_hint(err, "for instance --%s 'status=failed|timeout' or 'message~out of memory'",
                       option);
    }
    s->values = rp_str_of(text + at + 1);
    return !pattern || compile(s, err);
}

void selector_free(struct selector *s)
{
    if (s->by_pattern)
        regfree(&s->pattern);
    free(s->known);
}

static bool one_of_values(struct rp_str values, struct rp_str v)
{
    struct rp_str one;
    if (values.n == 0)
        return v.n == 0;
    while (rp_str_split(&values, '|', &one))
        if (rp_str_eq(one, v))
            return true;
    return false;
}

static bool pattern_holds(const struct selector *s, struct rp_str v)
{
    regmatch_t range = {.rm_so = 0, .rm_eo = (regoff_t)v.n};
    return regexec(&s->pattern, v.p, 1, &range, REG_STARTEND) == 0;
}

bool selects(struct selector *s, struct rp_str v)
{
    if (!s->by_pattern)
        return one_of_values(s->values, v);
    if (v.n > KNOWN_BYTES)
        return pattern_holds(s, v);
    uint64_t hash = rp_hash64(v);
    struct known *k = &s->known[hash % KNOWN];
    if (!k->there || k->hash != hash || k->n != v.n || memcmp(k->text, v.p, v.n) != 0) {
        *k = (struct known){.hash = hash, .n = v.n, .there = true, .holds = pattern_holds(s, v)};
        memcpy(k->text, v.p, v.n);
    }
    return k->holds;
}
