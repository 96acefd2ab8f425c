/* log_formats: how lines of logs look that Reprise does not know by itself. */
#include "config/internal.h"

static bool read_line(struct load *l, const struct row *row, const struct node *v,
                      const struct owners *o)
{
    struct rp_log_template *t = o->of[OF_LOG_FORMAT];
    struct rp_err err;
    size_t at = 0;
    if (!rp_scalar_want(l, row, v, "a text with {fields}"))
        return false;
    if (rp_template_parse(rp_str_dup(l->keep, v->text), t, &at, &err))
        return true;
    bool exact = v->to - v->from == v->text.n; /* no escapes: bytes of text are bytes of file */
    (void)rp_mistake(l, v->from + (exact ? at : 0), "%s: %s", row->key, err.message);
    return rp_mistake_hint(l, "%s", err.hint);
}
const struct kind rp_kind_log_line = {"text with {fields}", read_line};

static struct rp_log_words *words_of(struct rp_log_template *t, size_t i)
{
    struct rp_log_words *const all[] = {&t->start, &t->succeeded, &t->failed, &t->timeout,
                                        &t->cancelled};
    return all[i];
}
static const char *const word_keys[] = {"start", "succeeded", "failed", "timeout", "cancelled"};
enum { WORD_KEYS = sizeof word_keys / sizeof *word_keys };

static bool read_words(struct load *l, const struct row *row, const struct node *v,
                       const struct owners *o)
{
    struct rp_strs list = {0};
    struct rp_log_words *out = rp_row_field(row, o);
    if (!rp_list_want(l, row, v, &list))
        return false;
    for (size_t i = 0; i < list.n; i++)
        if (rp_str_trim(list.v[i]).n == 0)
            return rp_mistake(l, v->from, "%s: an empty word", row->key);
    *out = (struct rp_log_words){list.v, list.n};
    return true;
}
const struct kind rp_kind_log_words = {"list of words", read_words};

static bool listed_before(struct rp_log_template *t, size_t list, size_t word)
{
    struct rp_str w = words_of(t, list)->v[word];
    for (size_t i = 0; i <= list; i++)
        for (size_t k = 0; k < words_of(t, i)->n && (i < list || k < word); k++)
            if (rp_str_eq(words_of(t, i)->v[k], w))
                return true;
    return false;
}

/* What single keys cannot see. */
static bool finish(struct load *l, const struct child *c, struct rp_log_template *t)
{
    size_t words = 0;
    bool ok = true;
    for (size_t i = 0; i < WORD_KEYS; i++) {
        const struct child *given = rp_node_find(c->value, word_keys[i]);
        words += words_of(t, i)->n;
        for (size_t k = 0; given != NULL && k < words_of(t, i)->n; k++)
            if (listed_before(t, i, k))
                ok = rp_mistake(l, given->value->from, "%s: \"%.*s\" is listed twice", word_keys[i],
                                RP_FMT(words_of(t, i)->v[k]));
    }
    if (words > 0 && t->succeeded.n + t->failed.n == 0)
        ok = rp_mistake(l, c->key->from, "log format %s: no word says how a run ended",
                        rp_shown(c->key)) ||
             rp_mistake_hint(l, "give succeeded and failed, or leave all words out");
    return ok;
}

static bool name_free(struct load *l, const struct child *c)
{
    static const char *const taken[] = {
        "auto",    "cron",   "journald", "pm2",         "sidekiq", "celery",         "pino",
        "winston", "bunyan", "rq",       "apscheduler", "airflow", "github-actions", "plain"};
    for (size_t i = 0; i < sizeof taken / sizeof *taken; i++)
        if (rp_str_is(c->key->text, taken[i]))
            return rp_mistake(l, c->key->from, "log format %s: the name is taken",
                              rp_shown(c->key));
    return true;
}

static bool one_format(struct load *l, const struct child *c, struct rp_log_template *t)
{
    struct owners o = {.of[OF_LOG_FORMAT] = t};
    if (!rp_name_want(l, c->key, "log format") || !rp_map_want(l, c->key->text.p, c->value) ||
        !name_free(l, c))
        return false;
    t->cname = rp_cstr(l->keep, c->key->text);
    t->name = rp_str_of(t->cname);
    if (!rp_section_read(l, IN_LOG_FORMAT, c->value, &o, false))
        return false;
    if (rp_node_find(c->value, "line") == NULL)
        return rp_mistake(l, c->key->from, "log format %s: line is missing", rp_shown(c->key));
    return finish(l, c, t);
}

static bool read_formats(struct load *l, const struct row *row, const struct node *v,
                         const struct owners *o)
{
    enum { FORMATS_MAX = 64 };
    struct rp_config *c = o->of[OF_CONFIG];
    if (!rp_map_want(l, row->key, v))
        return false;
    if (v->n > FORMATS_MAX)
        return rp_mistake(l, v->from, "%s: more than %d", row->key, FORMATS_MAX);
    bool ok = true;
    c->log_formats = RP_NEW_N(l->keep, struct rp_log_template, v->n);
    for (const struct child *each = v->first; each != NULL; each = each->next)
        ok = one_format(l, each, &c->log_formats[c->n_log_formats++]) && ok;
    return ok;
}
const struct kind rp_kind_log_formats = {"map of maps", read_formats};
