/* Where the slots of a form are: quoted text, key=value, ", key: value", <Repr …>, [word]. */
#include "analyze/miner/internal.h"

static bool is_quote(char c)
{
    return c == '"' || c == '\'';
}

bool rp_is_word_at(const struct rp_work *w, struct rp_seq f, size_t i)
{
    int k = rp_kind_at(w, f, i);
    return k == RP_K_WORD || k == RP_K_IDENT;
}

/* Index of the quote that closes, 0 if none does. */
size_t rp_close_quote(const struct rp_work *w, struct rp_seq f, size_t open)
{
    char c = rp_char_at(w, f, open);
    for (size_t j = open + 1; j < f.n; j++) {
        if (rp_char_at(w, f, j) != c || rp_char_at(w, f, j - 1) == '\\')
            continue;
        if (j + 1 == f.n || rp_is_blank_at(w, f, j + 1) ||
            (rp_kind_at(w, f, j + 1) == RP_K_PUNCT && rp_char_at(w, f, j + 1) != c))
            return j;
    }
    return 0;
}

size_t rp_value_end(const struct rp_work *w, struct rp_seq f, size_t j, const char *stops,
                    size_t *depth)
{
    *depth = 0;
    for (; j < f.n && !rp_is_blank_at(w, f, j); j++) {
        char c = rp_char_at(w, f, j);
        if (one_of(c, "([{")) {
            (*depth)++;
        } else if (one_of(c, ")]}")) {
            if (*depth == 0)
                break;
            (*depth)--;
        } else if (one_of(c, stops) && *depth == 0) {
            break;
        }
    }
    return j;
}

/* The same for a slot's, which may be a list with blanks inside, and ends before a stop. */
static size_t slot_end(const struct rp_work *w, struct rp_seq f, size_t from)
{
    size_t whole = rp_collection_end(w, f, from), depth;
    if (whole == 0)
        whole = rp_comma_list_end(w, f, from);
    size_t j = rp_value_end(w, f, whole > 0 ? whole : from, ",;\"'", &depth);
    while (j > from && one_of(rp_char_at(w, f, j - 1), ".:"))
        j--;
    return j;
}

/* ---- finding ---- */

struct finder {
    const struct rp_work *w;
    struct rp_seq f;
    struct rp_slot *out;
    size_t n, max;
    size_t message_end; /* closing quote of a message, which is text */
};

static void found(struct finder *x, size_t from, size_t to, char kind, const struct rp_symbol *key)
{
    if (x->n == x->max)
        return;
    x->out[x->n++] = (struct rp_slot){.from = (uint16_t)from,
                                      .to = (uint16_t)to,
                                      .out_from = (uint16_t)from,
                                      .out_to = (uint16_t)to,
                                      .kind = kind,
                                      .key_flags = key != NULL ? key->flags : 0,
                                      .key = key != NULL ? key->lower_hash : 0};
}

/* The key whose value stands after item i: key= key: "key": */
static const struct rp_symbol *key_before(const struct finder *x, size_t i)
{
    if (i >= x->f.n)
        return NULL;
    if (rp_is_blank_at(x->w, x->f, i))
        i--;
    if (i == 0 || i >= x->f.n)
        return NULL;
    char c = rp_char_at(x->w, x->f, i);
    int k = rp_kind_at(x->w, x->f, i - 1);
    if ((c == '=' || c == ':') && (k == RP_K_WORD || k == RP_K_IDENT || k == RP_K_WILD))
        return rp_sym(x->w, x->f.v[i - 1]);
    if (i > 1 && c == ':' && is_quote(rp_char_at(x->w, x->f, i - 1)) &&
        rp_is_word_at(x->w, x->f, i - 2))
        return rp_sym(x->w, x->f.v[i - 2]);
    return NULL;
}

/* A quoted key of JSON is text. */
static bool is_quoted_key(const struct finder *x, size_t i, size_t j)
{
    if (rp_char_at(x->w, x->f, j + 1) != ':')
        return false;
    if (i == 0)
        return rp_char_at(x->w, x->f, j + 2) == '"';
    size_t b = i - 1;
    if (rp_is_blank_at(x->w, x->f, b)) {
        if (b == 0)
            return true;
        b--;
    }
    return one_of(rp_char_at(x->w, x->f, b), "{,");
}

/* "message" alone, or "message" key=value … */
static bool leads(const struct finder *x, size_t j)
{
    return j + 1 == x->f.n ||
           (rp_is_blank_at(x->w, x->f, j + 1) && rp_is_word_at(x->w, x->f, j + 2) &&
            rp_char_at(x->w, x->f, j + 3) == '=' && j + 4 < x->f.n);
}

static bool stands_after_key(const struct finder *x, size_t i)
{
    char b = rp_char_at(x->w, x->f, i - 1);
    return b == '=' || (b == ':' && i > 1 && is_quote(rp_char_at(x->w, x->f, i - 2))) ||
           (rp_is_blank_at(x->w, x->f, i - 1) && i > 2 && is_quote(rp_char_at(x->w, x->f, i - 3)));
}

/* After "key": a number, true, null. Answers where to go on. */
static size_t find_bare(struct finder *x, size_t from)
{
    if (rp_is_blank_at(x->w, x->f, from))
        from++;
    bool bare = rp_is_word_at(x->w, x->f, from) || rp_kind_at(x->w, x->f, from) == RP_K_WILD;
    if (!bare || from + 1 >= x->f.n || !one_of(rp_char_at(x->w, x->f, from + 1), ",}"))
        return from;
    found(x, from, from + 1, 'K', key_before(x, from - 1));
    return from + 1;
}

static size_t find_quoted(struct finder *x, size_t i)
{
    if (i > 0 && !rp_is_blank_at(x->w, x->f, i - 1) &&
        !one_of(rp_char_at(x->w, x->f, i - 1), "=([{:,<>"))
        return i + 1;
    size_t j = rp_close_quote(x->w, x->f, i);
    if (j <= i + 1)
        return i + 1;
    if (is_quoted_key(x, i, j))
        return find_bare(x, j + 2);
    if ((i == 0 && leads(x, j)) || (i > 0 && rp_opens_message(x->w, x->f, i))) {
        x->message_end = j;
        return i + 1;
    }
    const struct rp_symbol *key = i > 0 ? key_before(x, i - 1) : NULL;
    bool keyed = key != NULL && stands_after_key(x, i);
    size_t before = x->n;
    found(x, i + 1, j, keyed ? 'K' : 'Q', key);
    if (keyed && x->n > before) { /* quotes come and go with what the value needs */
        x->out[before].out_from = (uint16_t)i;
        x->out[before].out_to = (uint16_t)(j + 1);
    }
    return j + 1;
}

static size_t find_key_value(struct finder *x, size_t i)
{
    if (is_quote(rp_char_at(x->w, x->f, i + 1)))
        return i + 1;
    size_t j = slot_end(x->w, x->f, i + 1);
    if (j > i + 1 || j >= x->f.n ||
        (rp_is_blank_at(x->w, x->f, j) && rp_char_at(x->w, x->f, j + 2) == '='))
        found(x, i + 1, j < x->f.n ? j : x->f.n, 'K', rp_sym(x->w, x->f.v[i - 1]));
    return j > i + 1 ? j : i + 1;
}

/* "Volume:sda, Bucket:logs": a key, a colon and a value without a blank, one of a list of such. */
static bool is_glued_key(const struct finder *x, size_t i)
{
    return i > 0 && rp_is_word_at(x->w, x->f, i - 1) && rp_char_at(x->w, x->f, i) == ':' &&
           (i == 1 || rp_is_blank_at(x->w, x->f, i - 2)) && i + 1 < x->f.n &&
           !rp_is_blank_at(x->w, x->f, i + 1) && !is_quote(rp_char_at(x->w, x->f, i + 1));
}

static bool is_comma_at(const struct finder *x, size_t i)
{
    return rp_char_at(x->w, x->f, i) == ',' && rp_is_blank_at(x->w, x->f, i + 1);
}

static size_t find_glued(struct finder *x, size_t i)
{
    if (!is_glued_key(x, i))
        return i + 1;
    size_t j = slot_end(x->w, x->f, i + 1);
    bool first = is_comma_at(x, j) && is_glued_key(x, j + 3);
    bool next = i > 3 && is_comma_at(x, i - 3) && x->n > 0 && x->out[x->n - 1].to == i - 3;
    if (j == i + 1 || (!first && !next))
        return i + 1;
    found(x, i + 1, j, 'K', rp_sym(x->w, x->f.v[i - 1]));
    return j;
}

static size_t find_repr(struct finder *x, size_t i)
{
    size_t depth = 1, j = i + 1;
    while (j < x->f.n && depth > 0) {
        char c = rp_char_at(x->w, x->f, j++);
        depth += c == '<';
        depth -= c == '>';
    }
    if (depth > 0 || rp_kind_at(x->w, x->f, j) == RP_K_WORD)
        return i + 1;
    found(x, i, j, 'A', NULL);
    return j;
}

/* ", key: value of at most two words" */
static size_t find_comma_key(struct finder *x, size_t i)
{
    size_t from = i + 5, j = from, depth = 0, blanks = 0;
    if (is_quote(rp_char_at(x->w, x->f, from)) || from >= x->f.n)
        return from;
    while (j < x->f.n && !(rp_char_at(x->w, x->f, j) == ',' && depth == 0)) {
        char c = rp_char_at(x->w, x->f, j);
        if (one_of(c, "([{"))
            depth++;
        else if (one_of(c, ")]}") && depth > 0)
            depth--;
        blanks += rp_is_blank_at(x->w, x->f, j++);
    }
    if (j == from || blanks > 1)
        return from;
    found(x, from, j, 'M', rp_sym(x->w, x->f.v[i + 2]));
    return j;
}

static bool begins_comma_key(const struct finder *x, size_t i)
{
    return i + 4 < x->f.n && rp_is_blank_at(x->w, x->f, i + 1) &&
           rp_kind_at(x->w, x->f, i + 2) == RP_K_WORD && rp_char_at(x->w, x->f, i + 3) == ':' &&
           rp_is_blank_at(x->w, x->f, i + 4);
}

static bool is_square(const struct finder *x, size_t i)
{
    bool begins =
        i == 0 || rp_is_blank_at(x->w, x->f, i - 1) || rp_char_at(x->w, x->f, i - 1) == ']';
    return begins && rp_is_word_at(x->w, x->f, i + 1) && rp_char_at(x->w, x->f, i + 2) == ']';
}

static size_t find_at(struct finder *x, size_t i)
{
    switch (rp_char_at(x->w, x->f, i)) {
    case '"':
    case '\'':
        return i == x->message_end ? i + 1 : find_quoted(x, i);
    case '=':
        if (i > 0 &&
            (rp_is_word_at(x->w, x->f, i - 1) || rp_kind_at(x->w, x->f, i - 1) == RP_K_WILD))
            return find_key_value(x, i);
        return i + 1;
    case ':':
        return find_glued(x, i);
    case '[':
        if (!is_square(x, i))
            return i + 1;
        found(x, i + 1, i + 2, 'S', NULL);
        return i + 3;
    case '<':
        if (i > 0 && rp_is_blank_at(x->w, x->f, i - 1) && rp_is_word_at(x->w, x->f, i + 1))
            return find_repr(x, i);
        return i + 1;
    case ',':
        return begins_comma_key(x, i) ? find_comma_key(x, i) : i + 1;
    default:
        return i + 1;
    }
}

size_t rp_slots_find(const struct rp_work *w, struct rp_seq f, struct rp_slot *out, size_t max)
{
    struct finder x = {.w = w, .f = f, .out = out, .max = max, .message_end = SIZE_MAX};
    for (size_t i = 0; i < f.n;)
        i = find_at(&x, i);
    return x.n;
}
