/* Words that say the same are made one before rules are looked for: "couldn't", "unable to" and
 * "failed to" are all "cannot". Phrases of the rules go the same way, so either may be written. */
#include "analyze/internal.h"

struct same {
    const char *from, *to; /* a blank of `from` stands for any run of blanks and punctuation */
};

/* Of those that begin alike the longer first. */
static const struct same same[] = {
    {"already exist", "already exists"},
    {"already existing", "already exists"},
    {"aren't", "are not"},
    {"authorisation", "authorization"},
    {"can not be found", "not found"},
    {"can not be located", "not found"},
    {"can not", "cannot"},
    {"can't be found", "not found"},
    {"can't be located", "not found"},
    {"can't", "cannot"},
    {"cannot be found", "not found"},
    {"cannot be located", "not found"},
    {"cancelled", "canceled"},
    {"could not be found", "not found"},
    {"could not be located", "not found"},
    {"could not", "cannot"},
    {"couldn't be found", "not found"},
    {"couldn't", "cannot"},
    {"did not exist", "does not exist"},
    {"didn't", "did not"},
    {"do not exist", "does not exist"},
    {"does not exists", "does not exist"},
    {"doesn't exist", "does not exist"},
    {"doesn't exists", "does not exist"},
    {"doesn't", "does not"},
    {"don't exist", "does not exist"},
    {"don't", "do not"},
    {"error during", "error"},
    {"error occured while", "error"},
    {"error occurred during", "error"},
    {"error occurred when", "error"},
    {"error occurred while", "error"},
    {"error when", "error"},
    {"error while", "error"},
    {"exception during", "error"},
    {"exception occurred while", "error"},
    {"exception while", "error"},
    {"fail to", "cannot"},
    {"failed to", "cannot"},
    {"failed while", "error"},
    {"fails to", "cannot"},
    {"failure to", "cannot"},
    {"failure while", "error"},
    {"hasn't", "has not"},
    {"haven't", "have not"},
    {"impossible to", "cannot"},
    {"isn't", "is not"},
    {"not able to", "cannot"},
    {"not exist", "does not exist"},
    {"shouldn't", "should not"},
    {"timedout", "timed out"},
    {"unable to", "cannot"},
    {"unauthorised", "unauthorized"},
    {"unrecognised", "unrecognized"},
    {"wasn't", "was not"},
    {"weren't", "were not"},
    {"won't", "will not"},
};

/* How far `from` reaches at i; 0 if it does not stand there as whole words. */
static size_t reach(const struct rp_words *w, const char *from, size_t i)
{
    for (; *from != '\0'; from++) {
        if (*from == ' ') {
            if (i < w->n && is_alnum(w->low[i]) && !w->start[i])
                return 0;
            while (i < w->n && !is_alnum(w->low[i]))
                i++;
        } else if (i < w->n && w->low[i] == *from) {
            i++;
        } else {
            return 0;
        }
    }
    return i == w->n || !is_alnum(w->low[i]) || w->start[i] ? i : 0;
}

static const struct same *same_at(const struct rp_words *w, size_t i, size_t *to)
{
    for (size_t k = 0; k < sizeof same / sizeof *same; k++)
        if (same[k].from[0] == w->low[i] && same[k].from[1] == w->low[i + 1] &&
            (*to = reach(w, same[k].from, i)) > 0)
            return &same[k];
    return NULL;
}

static void put(struct rp_words *w, char c, bool start)
{
    if (w->n < RP_KEY_LINE_MAX) {
        w->low[w->n] = c;
        w->start[w->n++] = start;
    }
}

static bool word_start(const char *p, size_t i, size_t n)
{
    if (!is_alnum(p[i]))
        return false;
    if (i == 0 || !is_alnum(p[i - 1]))
        return true;
    return is_upper(p[i]) &&
           (is_lower(p[i - 1]) || (is_upper(p[i - 1]) && i + 1 < n && is_lower(p[i + 1])));
}

static void plain(struct rp_words *w, struct rp_str line)
{
    w->n = 0;
    for (size_t i = 0; i < line.n; i++)
        put(w, to_lower(line.p[i]), word_start(line.p, i, line.n));
    memset(w->low + w->n, '\0', sizeof w->low - RP_KEY_LINE_MAX);
    w->start[w->n] = true;
}

void rp_words(struct rp_words *out, struct rp_str line)
{
    struct rp_words w;
    plain(&w, line);
    out->n = 0;
    for (size_t i = 0, to = 0; i < w.n;) {
        const struct same *s = w.start[i] ? same_at(&w, i, &to) : NULL;
        if (s == NULL) {
            put(out, w.low[i], w.start[i]);
            i++;
            continue;
        }
        for (size_t k = 0; s->to[k] != '\0'; k++)
            put(out, s->to[k], k == 0 || s->to[k - 1] == ' ');
        i = to;
    }
    memset(out->low + out->n, '\0', sizeof out->low - RP_KEY_LINE_MAX);
    out->start[out->n] = true;
}
