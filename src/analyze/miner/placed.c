/* What a scan can only tell when it sees the neighbours: sizes, and values that stand where only
 * values stand. */
#include "analyze/miner/chars.h"
#include "analyze/miner/internal.h"

static const char wild_text[] = "<*>";

static bool is_char(const struct rp_scan *s, size_t i, const char *set)
{
    return i < s->n && s->v[i].kind == RP_K_PUNCT && s->v[i].n == 1 && rp_among(s->v[i].p[0], set);
}

static bool is_size(const struct rp_scan *s, size_t i)
{
    if (i >= s->n || s->v[i].kind != RP_K_WORD || s->v[i].n > 3)
        return false;
    struct rp_str t = {s->v[i].p, s->v[i].n};
    if (t.n == 0 || t.p[t.n - 1] != 'B')
        return false;
    return t.n == 1 || (t.n == 2 && rp_among(t.p[0], "KMGTPk")) ||
           (t.n == 3 && rp_among(t.p[0], "KMGT") && t.p[1] == 'i');
}

/* "1.2 KB" is one value. Tokens before `to` are final; returns the new end. */
static size_t join_size(struct rp_scan *s, size_t to)
{
    while (to >= 2 && is_char(s, to - 1, ".") && s->v[to - 2].kind == RP_K_WILD)
        to -= 2;
    s->v[to] = (struct rp_token){.p = wild_text, .n = 3, .kind = RP_K_WILD};
    return to + 1;
}

static bool join_sizes(struct rp_scan *s)
{
    size_t to = 0, n = s->n;
    for (size_t i = 0; i < s->n;) {
        bool size = s->v[i].kind == RP_K_WILD && i + 2 < s->n && s->v[i + 1].kind == RP_K_BLANK &&
                    s->v[i + 1].n == 1 && is_size(s, i + 2) && !is_char(s, i + 3, "/:=");
        if (size) {
            to = join_size(s, to);
            i += 3;
        } else {
            s->v[to++] = s->v[i++];
        }
    }
    s->n = to;
    return to < n;
}

static struct rp_str text_of(const struct rp_token *t)
{
    return (struct rp_str){t->p, t->n};
}

static uint32_t classes_at(const struct rp_scan *s, size_t i)
{
    return s->v[i].kind == RP_K_WORD ? rp_words_classes(text_of(&s->v[i])) : 0;
}

/* Flags and level of token i; names come again and again. */
static const struct rp_word_asked *asked(struct rp_scan *s, size_t i)
{
    const struct rp_token *t = &s->v[i];
    uint64_t hash = rp_hash_more(t->kind, t->p, t->n);
    struct rp_word_asked *w = &s->words[hash % RP_WORDS_ASKED];
    if (w->hash != hash) {
        uint32_t flags = rp_flags_of(text_of(t), t->kind);
        *w = (struct rp_word_asked){hash, flags, rp_level_of(text_of(t), t->kind, flags)};
    }
    return w;
}

/* key=a.b/c, key=host7 */
static bool is_key_value(struct rp_scan *s, size_t i, size_t j)
{
    enum rp_kind k = j > 0 ? s->v[j - 1].kind : RP_K_PUNCT;
    if (s->v[i].kind == RP_K_WORD || !is_char(s, j, "=") ||
        (k != RP_K_WORD && k != RP_K_IDENT && k != RP_K_BLANK))
        return false;
    const struct rp_word_asked *w = asked(s, i);
    return (w->level >= RP_LEVEL_ID || (w->flags & RP_T_CAPS_TAIL)) && !(w->flags & RP_T_EXCEPTION);
}

/* "user NAME" before a preposition, a mark or the end */
static bool is_user_name(struct rp_scan *s, size_t i, size_t j)
{
    if (j + 1 >= i || s->v[j].n != 4 || !rp_str_is_word(text_of(&s->v[j]), "user"))
        return false;
    if (asked(s, i)->level < RP_LEVEL_WORD)
        return false;
    if (is_char(s, i + 1, ",;:)]'\""))
        return true;
    bool blank = i + 1 >= s->n || s->v[i + 1].kind == RP_K_BLANK;
    return blank && (i + 2 >= s->n || (classes_at(s, i + 2) & RP_W_PREP));
}

static bool mask_placed(struct rp_scan *s)
{
    bool masked = false;
    for (size_t i = 1; i < s->n; i++) {
        if (s->v[i].kind != RP_K_WORD && s->v[i].kind != RP_K_IDENT)
            continue;
        size_t j = i - 1;
        if (j > 0 && s->v[j].kind == RP_K_BLANK)
            j--;
        bool eq = is_char(s, j, "="), user = s->v[j].n == 4 && to_lower(s->v[j].p[0]) == 'u';
        if ((eq && is_key_value(s, i, j)) || (user && is_user_name(s, i, j))) {
            s->v[i] = (struct rp_token){.p = wild_text, .n = 3, .kind = RP_K_WILD};
            masked = true;
        }
    }
    return masked;
}

/* Answers whether any token has changed. */
bool rp_placed_mask(struct rp_scan *s)
{
    rp_stretch_write(s);
    bool changed = (s->has & RP_HAS_SIZE) && join_sizes(s);
    changed |= (s->has & RP_HAS_PLACE) && mask_placed(s);
    return changed;
}
