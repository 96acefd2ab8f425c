/* One pass over the bytes of a line: words, blanks, punctuation, and wildcards where a typed mask
 * takes a value. Then what needs to see its neighbours: sizes, and values that stand where only
 * values stand. Nothing is allocated. */
#include "analyze/miner/chars.h"
#include "analyze/miner/internal.h"

#define D  (RP_C_DIGIT | RP_C_HEX)
#define UX (RP_C_UPPER | RP_C_HEX)
#define LX (RP_C_LOWER | RP_C_HEX)
#define U  RP_C_UPPER
#define L  RP_C_LOWER
#define H  RP_C_HIGH

const uint8_t rp_chars[256] = {
    ['\t'] = RP_C_BLANK, ['\n'] = RP_C_BLANK, ['\v'] = RP_C_BLANK, ['\f'] = RP_C_BLANK,
    ['\r'] = RP_C_BLANK, [' '] = RP_C_BLANK,  ['_'] = RP_C_UNDER,  ['0' ... '9'] = D,
    ['A' ... 'F'] = UX,  ['G' ... 'Z'] = U,   ['a' ... 'f'] = LX,  ['g' ... 'z'] = L,
    ['.'] = RP_C_JOIN,   ['-'] = RP_C_JOIN,   ['/'] = RP_C_JOIN,   ['@'] = RP_C_JOIN,
    ['$'] = RP_C_JOIN,   ['~'] = RP_C_JOIN,   [128 ... 255] = H};

static const char wild_text[] = "<*>";

static void add(struct rp_scan *s, const char *p, size_t n, enum rp_kind kind)
{
    s->v[s->n++] = (struct rp_token){.p = p, .n = (uint32_t)n, .kind = (uint16_t)kind};
    rp_hasher_add(&s->hash, p, n, kind);
}

static void add_wild(struct rp_scan *s)
{
    add(s, wild_text, 3, RP_K_WILD);
}

/* "." "-" "/" "@" "$" join in runs, "~" in runs of its own. */
static const char *join_run(const char *p)
{
    if (*p == '~') {
        while (*p == '~')
            p++;
        return p;
    }
    while (rp_is(*p, RP_C_JOIN) && *p != '~')
        p++;
    return p;
}

/* "A::B" and "a#b" are names of one thing. */
static size_t scope_at(const char *p)
{
    if (p[0] == ':')
        return p[1] == ':' && rp_is(p[2], RP_C_ALPHA | RP_C_UNDER) ? 2 : 0;
    return p[0] == '#' && rp_is(p[1], RP_C_ALPHA | RP_C_UNDER | RP_C_DIGIT) ? 1 : 0;
}

static size_t word_run(const struct rp_at *at, const char *p)
{
    return rp_bits_run(at->bits->word, (size_t)(p - at->begin));
}

static bool has_digit(const struct rp_at *at, const char *p, size_t n)
{
    return rp_bits_any(at->bits->digit, (size_t)(p - at->begin), n);
}

/* The word whose first run ends at p, with its joins; answers whether there are joins other than
 * '-' and '~'. */
static bool join(const struct rp_at *at, const char **p)
{
    bool joined = false;
    while (rp_is(**p, RP_C_JOIN) || **p == ':' || **p == '#') {
        size_t scope = scope_at(*p);
        const char *q = scope > 0 ? *p + scope : join_run(*p);
        size_t n = word_run(at, q);
        if (n == 0)
            break;
        for (; *p < q; ++*p)
            joined |= **p != '-' && **p != '~';
        *p = q + n;
    }
    return joined;
}

/* "<*>.<*>" is no identifier: its wildcards and marks are tokens of their own. */
static void add_word(struct rp_scan *s, struct rp_token t)
{
    bool apart = t.kind == RP_K_IDENT && t.n >= 3 && memcmp(t.p, wild_text, 3) == 0;
    for (size_t i = 0; apart && i < t.n; i++)
        apart = !rp_is(t.p[i], RP_C_WORD);
    if (!apart) {
        add(s, t.p, t.n, t.kind);
        return;
    }
    for (size_t i = 0; i < t.n && s->n < RP_TOKENS_MAX - 1;) {
        bool wild = t.n - i >= 3 && memcmp(t.p + i, wild_text, 3) == 0;
        if (wild)
            add_wild(s);
        else
            add(s, t.p + i, 1, RP_K_PUNCT);
        i += wild ? 3 : 1;
    }
}

static bool is_method(const struct rp_token *t)
{
    static const char *const methods[] = {"GET", "PUT", "POST", "HEAD", "DELETE", "PATCH", NULL};
    if (t->n < 3 || t->n > 6 || !rp_is(t->p[0], RP_C_UPPER))
        return false;
    for (const char *const *m = methods; *m != NULL; m++)
        if (rp_str_is((struct rp_str){t->p, t->n}, *m))
            return true;
    return false;
}

static bool after_method(const struct rp_scan *s)
{
    return s->n == s->method && s->v[s->n - 1].n == 1 && s->v[s->n - 1].p[0] == ' ';
}

/* A request target may follow the word that was added last. */
static bool note_method(struct rp_scan *s)
{
    bool method = is_method(&s->v[s->n - 1]);
    if (method)
        s->method = s->n + 1;
    return method;
}

/* Do the letters at p begin like the name of a day or a month? */
static bool like_date(const char *p)
{
    static const char names[] = "MonTueWedThuFriSatSunJanFebMarAprMayJunJulAugSepOctNovDec";
    for (size_t i = 0; i < sizeof names - 1; i += 3)
        if (names[i] == p[0] && names[i + 1] == p[1] && names[i + 2] == p[2])
            return true;
    return false;
}

/* Can no typed mask take the word of n characters? What stands after them tells. */
static bool is_plain(const struct rp_at *at, size_t n)
{
    static const bool typed[256] = {[':'] = true, ['.'] = true, ['-'] = true, ['+'] = true};
    char c = at->p[n];
    if (at->after_method)
        return false;
    if (typed[(unsigned char)c])
        return c == ':' && rp_is(at->p[n + 1], RP_C_BLANK);
    bool maybe =
        n >= 3 && n <= 9 && rp_is(*at->p, RP_C_UPPER) && (rp_is(c, RP_C_BLANK) || c == ',');
    return !(maybe && like_date(at->p));
}

/* A number with one unit glued to it keeps the unit as text: "<*>ms". */
static bool add_with_unit(struct rp_scan *s, const char *p, size_t n)
{
    const char *end = p + n, *unit = end;
    while (unit > p && rp_is(unit[-1], RP_C_ALPHA))
        unit--;
    struct rp_str text = {unit, (size_t)(end - unit)};
    size_t digits = rp_run(p, unit, RP_C_DIGIT);
    if (p + digits < unit && p[digits] == '.')
        digits += 1 + rp_run(p + digits + 1, unit, RP_C_DIGIT);
    bool short_one = text.n == 1 && rp_among(*unit, "kKMGTmhd");
    if (text.n == 0 || p + digits != unit || text.n > 4 ||
        (!short_one && !(rp_words_classes(text) & RP_W_UNIT)) ||
        RP_SIDE_MAX - s->side_n < text.n + 3)
        return false;
    char *to = s->side + s->side_n;
    memcpy(to, wild_text, 3);
    memcpy(to + 3, unit, text.n);
    s->side_n += text.n + 3;
    add(s, to, text.n + 3, RP_K_WILD);
    return true;
}

/* The value of a typed mask, perhaps with its unit. */
static void add_value(struct rp_scan *s, const char *p, size_t n)
{
    if (!rp_is(p[n - 1], RP_C_ALPHA) || !add_with_unit(s, p, n))
        add_wild(s);
}

/* A word that no mask takes as a whole; `plain`: nothing after its first run changes that. */
static const char *add_pieces(struct rp_scan *s, struct rp_at *at, size_t run, bool plain)
{
    const char *p = at->p, *end = p + run;
    plain &= !rp_is(*end, RP_C_JOIN) && *end != '#';
    bool joined = !plain && join(at, &end);
    struct rp_token t = {p, (uint32_t)(end - p), joined ? RP_K_IDENT : RP_K_WORD};
    rp_scan_note(p, t.n, &s->has_size, &s->has_place, &s->has_code);
    if (has_digit(at, p, t.n)) {
        rp_atom_mask(s, &t);
        plain &= t.n == run && memcmp(t.p, p, run) == 0;
        t.p = plain ? p : t.p;
    }
    add_word(s, t);
    at->plain = !note_method(s) && plain;
    return end;
}

static const char *scan_word(struct rp_scan *s, struct rp_at *at)
{
    const char *p = at->p;
    size_t n = 0, run = word_run(at, p);
    bool digit = rp_is(*p, RP_C_DIGIT), plain = !digit && is_plain(at, run);
    if (digit && s->has_code && (n = rp_code_at(s, at)) > 0) {
        add(s, p, n, RP_K_WORD);
        at->plain = false;
        return p + n;
    }
    if (digit)
        n = rp_typed_digit(at);
    else if (!plain && rp_is(*p, RP_C_ALPHA))
        n = rp_typed_letter(at, p + run);
    if (n == 0)
        return add_pieces(s, at, run, plain);
    add_value(s, p, n);
    at->plain = false;
    return p + n;
}

/* Is the mark at p none that a typed mask begins with, or one that needs more than a blank? */
static bool is_plain_mark(const struct rp_at *at)
{
    static const uint8_t begins[256] = {
        ['/'] = 1, ['['] = 1, ['~'] = 1, ['*'] = 1, ['\\'] = 1, [':'] = 2, ['-'] = 2, ['+'] = 2};
    uint8_t begin = begins[(unsigned char)*at->p];
    return !at->after_method && (begin == 0 || (begin == 2 && rp_is(at->p[1], RP_C_BLANK)));
}

static const char *scan_punct(struct rp_scan *s, struct rp_at *at)
{
    at->plain = is_plain_mark(at);
    size_t n = at->plain ? 0 : rp_typed_punct(at);
    if (n > 0) {
        add_wild(s);
        return at->p + n;
    }
    s->has_place |= *at->p == '=';
    n = rp_high_punct(at->p, at->end) ? 3 : 1;
    add(s, at->p, n, RP_K_PUNCT);
    return at->p + n;
}

static const char *scan_one(struct rp_scan *s, struct rp_at *at)
{
    if (rp_is(*at->p, RP_C_BLANK)) {
        size_t n = 1;
        while (rp_is(at->p[n], RP_C_BLANK))
            n++;
        add(s, at->p, n, RP_K_BLANK);
        at->plain = true;
        return at->p + n;
    }
    at->after_method = after_method(s);
    return rp_bits_at(at->bits->word, (size_t)(at->p - at->begin)) ? scan_word(s, at)
                                                                   : scan_punct(s, at);
}

/* Digits and the marks that values begin with. */
static const bool never_plain[256] = {
    ['0' ... '9'] = true, ['/'] = true, ['['] = true, ['~'] = true, ['*'] = true, ['\\'] = true};

static bool goes_on(const struct rp_scan *s, const struct rp_at *at)
{
    return at->p < at->end && s->n < RP_TOKENS_MAX - 1;
}

/* Plain tokens, which may be met again, and the next that is not. */
static void scan_some(struct rp_scan *s, struct rp_at *at)
{
    const char *from = at->p;
    struct rp_hasher before = s->hash;
    size_t first = s->n, n = 0;
    do {
        at->p = scan_one(s, at);
        n += at->plain;
    } while (at->plain && n < RP_STRETCH_TOKENS && at->p - from < RP_STRETCH_BYTES &&
             goes_on(s, at));
    if (n > 0)
        rp_stretch_learn(s, at, first, n, &before);
}

/* ---- with an eye on the neighbours ---- */

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

/* key=a.b/c, key=host7 */
static bool is_key_value(const struct rp_scan *s, size_t i, size_t j)
{
    enum rp_kind k = j > 0 ? s->v[j - 1].kind : RP_K_PUNCT;
    if (s->v[i].kind == RP_K_WORD || !is_char(s, j, "=") ||
        (k != RP_K_WORD && k != RP_K_IDENT && k != RP_K_BLANK))
        return false;
    uint32_t flags = rp_flags_of(text_of(&s->v[i]), s->v[i].kind);
    int level = rp_level_of(text_of(&s->v[i]), s->v[i].kind, flags);
    return (level >= RP_LEVEL_ID || (flags & RP_T_CAPS_TAIL)) && !(flags & RP_T_EXCEPTION);
}

/* "user NAME" before a preposition, a mark or the end */
static bool is_user_name(const struct rp_scan *s, size_t i, size_t j)
{
    if (j + 1 >= i || s->v[j].n != 4 || !rp_str_is_word(text_of(&s->v[j]), "user"))
        return false;
    struct rp_str t = text_of(&s->v[i]);
    if (rp_level_of(t, s->v[i].kind, rp_flags_of(t, s->v[i].kind)) < RP_LEVEL_WORD)
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

/* A copy between zeros: what looks at neighbours need not ask whether there are any. */
static struct rp_at begin(struct rp_scan *s, struct rp_str line)
{
    char *p = s->line + RP_LINE_PAD;
    p[-1] = '\0';
    if (line.n > 0)
        memcpy(p, line.p, line.n);
    memset(p + line.n, 0, (size_t)2 * RP_LINE_PAD);
    s->n = s->side_n = 0;
    s->hash = (struct rp_hasher){1, 0};
    s->method = SIZE_MAX;
    s->has_size = s->has_place = s->has_code = false;
    return (struct rp_at){.begin = p,
                          .p = p,
                          .end = p + line.n,
                          .bits = &s->bits,
                          .seen = rp_bits_fill(&s->bits, p, line.n)};
}

uint64_t rp_scan_line(struct rp_scan *s, struct rp_str line)
{
    while (line.n > 0 && rp_is(line.p[0], RP_C_BLANK))
        line.p++, line.n--;
    while (line.n > 0 && rp_is(line.p[line.n - 1], RP_C_BLANK))
        line.n--;
    bool cut = line.n > RP_MINER_LINE_MAX;
    if (cut)
        line.n = rp_utf8_whole(line.p, RP_MINER_LINE_MAX);
    struct rp_at at = begin(s, line);
    while (goes_on(s, &at)) {
        const struct rp_stretch *x = NULL;
        if (!never_plain[(unsigned char)*at.p] && (x = rp_stretch_take(s, &at)) == NULL)
            scan_some(s, &at);
        else if ((x == NULL || x->then_value) && goes_on(s, &at))
            at.p = scan_one(s, &at);
    }
    if (cut || at.p < at.end)
        add_wild(s);
    bool changed = s->has_size && join_sizes(s);
    changed |= s->has_place && mask_placed(s);
    return changed ? rp_scan_hash(s) : rp_hasher_end(&s->hash);
}

uint64_t rp_scan_hash(const struct rp_scan *s)
{
    struct rp_hasher h = {1, 0};
    for (size_t i = 0; i < s->n; i++)
        rp_hasher_add(&h, s->v[i].p, s->v[i].n, s->v[i].kind);
    return rp_hasher_end(&h);
}
