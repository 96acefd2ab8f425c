/* One pass over the bytes of a line: words, blanks, punctuation, and wildcards where a typed mask
 * takes a value. Nothing is allocated. */
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

static inline void add(struct rp_scan *s, const char *p, size_t n, enum rp_kind kind)
{
    s->v[s->n++] = (struct rp_token){.p = p, .n = (uint32_t)n, .kind = (uint16_t)kind};
    rp_hasher_add(&s->hash, p, n, kind);
}

static inline void add_wild(struct rp_scan *s)
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

static inline bool after_method(struct rp_scan *s)
{
    if (__builtin_expect(s->n != s->method, 1))
        return false;
    rp_stretch_write(s);
    return s->v[s->n - 1].n == 1 && s->v[s->n - 1].p[0] == ' ';
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
    static const bool first[256] = {
        ['A'] = true, ['D'] = true, ['F'] = true, ['J'] = true, ['M'] = true,
        ['N'] = true, ['O'] = true, ['S'] = true, ['T'] = true, ['W'] = true};
    if (!first[(unsigned char)p[0]])
        return false;
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

/* Is it a unit that may be glued to a number? What was asked last is remembered. */
static bool is_unit(struct rp_scan *s, struct rp_str text)
{
    enum { LONGEST = 4 };
    if (text.n == 0 || text.n > LONGEST)
        return false;
    if (text.n == 1 && rp_among(*text.p, "kKMGTmhd"))
        return true;
    uint64_t asked = rp_load_short(text.p, text.n) << 8 | text.n;
    struct rp_unit_asked *u = &s->units[rp_mix(0, asked) % RP_UNITS_ASKED];
    if (u->text != asked)
        *u = (struct rp_unit_asked){asked, (rp_words_classes(text) & RP_W_UNIT) != 0};
    return u->unit;
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
    if (p + digits != unit || !is_unit(s, text) || RP_SIDE_MAX - s->side_n < text.n + 3)
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
    size_t n = t.n;
    if (has_digit(at, p, n)) {
        rp_atom_mask(s, &t);
        plain &= t.n == run && memcmp(t.p, p, run) == 0;
        t.p = plain ? p : t.p;
    }
    s->has |= (uint8_t)rp_scan_note(p, n, t.kind);
    add_word(s, t);
    at->plain = !note_method(s) && plain;
    return end;
}

/* The word at p if what stands around it is as simple as in most text: a small letter at its
 * beginning, no digit in it, and after it what joins no words. Its length, else 0. */
static inline size_t simple_word(const struct rp_at *at)
{
    static const bool after[256] = {
        ['\0'] = true, ['\t'] = true, [' '] = true, ['"'] = true, ['\''] = true, ['('] = true,
        [')'] = true,  [','] = true,  [';'] = true, ['='] = true, [']'] = true,  ['>'] = true};
    if (!rp_is(*at->p, RP_C_LOWER) || at->after_method)
        return 0;
    size_t run = word_run(at, at->p);
    return after[(unsigned char)at->p[run]] && !has_digit(at, at->p, run) ? run : 0;
}

static size_t code_at(struct rp_scan *s, const struct rp_at *at)
{
    if (!rp_code_length(at))
        return 0;
    rp_stretch_write(s);
    return rp_code_at(s, at);
}

static const char *scan_word(struct rp_scan *s, struct rp_at *at)
{
    const char *p = at->p;
    size_t n = simple_word(at);
    if (n > 0) {
        s->has |= (uint8_t)rp_scan_note(p, n, RP_K_WORD);
        add(s, p, n, RP_K_WORD);
        at->plain = true;
        return p + n;
    }
    size_t run = word_run(at, p);
    bool digit = rp_is(*p, RP_C_DIGIT), plain = !digit && is_plain(at, run);
    if (digit && (s->has & RP_HAS_CODE) && (n = code_at(s, at)) > 0) {
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

/* A number that is one whatever stands around it needs no mask to be asked; of others only what
 * begins with a digit. */
static inline const char *scan_digits(struct rp_scan *s, struct rp_at *at)
{
    static const bool alone[256] = {
        [0 ... '-' - 1] = true, ['0' ... '9'] = false, [';' ... '@'] = true,
        ['[' ... '^'] = true,   ['`'] = true,          ['{' ... 127] = true};
    size_t run = rp_bits_run(at->bits->digit, (size_t)(at->p - at->begin));
    if (s->n == s->method || (s->has & RP_HAS_CODE))
        return scan_one(s, at);
    at->after_method = at->plain = false;
    if (!alone[(unsigned char)at->p[run]] || rp_is(at->p[-1], RP_C_WORD)) {
        run = rp_typed_digit(at);
        if (run == 0)
            return add_pieces(s, at, word_run(at, at->p), false);
        add_value(s, at->p, run);
    } else {
        add_wild(s);
    }
    return at->p + run;
}

static inline const char *scan_value(struct rp_scan *s, struct rp_at *at)
{
    return rp_is(*at->p, RP_C_DIGIT) ? scan_digits(s, at) : scan_one(s, at);
}

/* What was met before, and the value after it; or what is new. */
static inline void scan_next(struct rp_scan *s, struct rp_at *at)
{
    /* Digits and the marks that values begin with. */
    static const bool never_plain[256] = {['0' ... '9'] = true, ['/'] = true, ['['] = true,
                                          ['~'] = true,         ['*'] = true, ['\\'] = true};
    if (!never_plain[(unsigned char)*at->p]) {
        const struct rp_stretch *x = rp_stretch_take(s, at);
        if (x == NULL)
            scan_some(s, at);
        if (x == NULL || !x->then_value || !goes_on(s, at))
            return;
    }
    at->p = scan_value(s, at);
}

/* A copy between zeros: what looks at neighbours need not ask whether there are any. */
static struct rp_at begin(struct rp_scan *s, struct rp_str line)
{
    char *p = s->line + RP_LINE_PAD;
    p[-1] = '\0';
    if (line.n > 0)
        memcpy(p, line.p, line.n);
    memset(p + line.n, 0, (size_t)2 * RP_LINE_PAD);
    s->n = s->side_n = s->laid_n = 0;
    s->hash = (struct rp_hasher){1, 0};
    s->method = SIZE_MAX;
    s->has = 0;
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
    while (goes_on(s, &at))
        scan_next(s, &at);
    if (cut || at.p < at.end)
        add_wild(s);
    bool changed = (s->has & (RP_HAS_SIZE | RP_HAS_PLACE)) && rp_placed_mask(s);
    return changed ? rp_scan_hash(s) : rp_hasher_end(&s->hash);
}

uint64_t rp_scan_hash(const struct rp_scan *s)
{
    struct rp_hasher h = {1, 0};
    for (size_t i = 0; i < s->n; i++)
        rp_hasher_add(&h, s->v[i].p, s->v[i].n, s->v[i].kind);
    return rp_hasher_end(&h);
}
