/* Inside the miner. A line is scanned into tokens; tokens are interned as symbols; a form, a key,
 * a slot's value is a sequence of symbol numbers. What the rules ask of an item (its level, word
 * class, content) is worked out once, when its symbol is made. Whatever decides is sorted and
 * compared by content hashes, never by numbers of symbols: those depend on the order of arrival. */
#ifndef RP_ANALYZE_MINER_INTERNAL_H
#define RP_ANALYZE_MINER_INTERNAL_H

#include "analyze/internal.h"
#include "analyze/miner/bits.h"
#include "analyze/miner/miner.h"
#include "analyze/miner/stretch.h"

/* ---- hashes: the same on every machine ---- */

/* One round of multiplication to 128 bits, both halves folded: every input bit reaches every
 * output bit, and the compiler makes it one instruction. */
static inline uint64_t rp_mix(uint64_t h, uint64_t v)
{
    unsigned __int128 m =
        (unsigned __int128)(h ^ UINT64_C(0x9E3779B97F4A7C15)) * (v ^ UINT64_C(0xD6E8FEB86659FD93));
    return (uint64_t)m ^ (uint64_t)(m >> 64) ^ h;
}
static inline uint64_t rp_load(const char *p, size_t n) /* n: 4 or 8 */
{
    uint64_t v = 0;
    memcpy(&v, p, n);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}
/* Up to 8 bytes as a number; the length is not in it. */
static inline uint64_t rp_load_short(const char *p, size_t n)
{
    if (n == 8)
        return rp_load(p, 8);
    if (n >= 4)
        return rp_load(p, 4) | rp_load(p + n - 4, 4) << 32;
    if (n == 0)
        return 0;
    return (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 |
           (uint64_t)(unsigned char)p[n - 1] << 16;
}
static inline uint64_t rp_hash_more(uint64_t h, const char *p, size_t n)
{
    h += n * UINT64_C(0xA0761D6478BD642F);
    for (; n > 8; p += 8, n -= 8)
        h = rp_mix(h, rp_load(p, 8));
    return rp_mix(h, rp_load_short(p, n));
}
static inline uint64_t rp_hash_bytes(const char *p, size_t n)
{
    return rp_hash_more(0, p, n);
}

/* ---- words (words.c) ---- */

enum rp_word_class {
    RP_W_NULL = 1 << 0,   /* absence: null, none */
    RP_W_BOOL = 1 << 1,   /* true, off, enabled */
    RP_W_STOP = 1 << 2,   /* function words */
    RP_W_STATE = 1 << 3,  /* states and what changes them: two of them never share a pattern */
    RP_W_MSG = 1 << 4,    /* the key whose value is the message */
    RP_W_METHOD = 1 << 5, /* HTTP */
    RP_W_PREP = 1 << 6,   /* prepositions */
    RP_W_SLOT = 1 << 7,   /* nouns that a name follows */
    RP_W_NOUN = 1 << 8,   /* nouns that a name may follow */
    RP_W_FAIL = 1 << 9,   /* says that something failed */
    RP_W_SEVERITY = 1 << 10,
    RP_W_CAUSE = 1 << 11, /* the key whose value is an inner error */
    RP_W_UNIT = 1 << 12,
    RP_W_FAULT = 1 << 13, /* the last word of what errors are called */
    RP_W_ROLE = 1 << 14,  /* as */
    RP_W_MODAL = 1 << 15, /* a verb follows: can, will */
    RP_W_DO = 1 << 25,    /* a verb follows "not" after it: did */
    RP_W_TRY = 1 << 26,   /* a verb follows "to" after it: unable, trying */
    RP_W_CLOSED = RP_W_NULL | RP_W_BOOL | RP_W_STOP | RP_W_STATE,
    /* Not in the list, but seen in the text itself: */
    RP_T_EXCEPTION = 1 << 16, /* ends in Exception, Error, Fault, Throwable */
    RP_T_CAPS_TAIL = 1 << 17, /* ends in .ALL_CAPS */
    RP_T_UPPER = 1 << 18,     /* has letters, all of them capital */
    RP_T_CAPITAL = 1 << 19,   /* first letter is capital */
    RP_T_ALPHA = 1 << 20,     /* has a letter outside of wildcards */
    RP_T_WILD = 1 << 21,      /* holds a wildcard */
    RP_T_CUT = 1 << 22,       /* a separator of lists */
    RP_T_SIZE = 1 << 23,      /* B, KB, MiB: as written */
    RP_T_TIME = 1 << 24       /* a unit as written, sizes too */
};

/* Word classes of a text, whatever its case; 0 for what is not listed. */
uint32_t rp_words_classes(struct rp_str text);
/* Is there a phrase of an operating system's or library's error, or an exception's name, in it? */
bool rp_words_reason(struct rp_str text);
bool rp_words_statement(struct rp_str text);
/* The names of an operating system's errors in lower case, the longer of two before its beginning;
 * is the text one of them, whatever its case? */
const char *const *rp_words_phrases(void);
bool rp_words_phrase(struct rp_str text);
/* What strerror says of no error. */
bool rp_words_no_error(struct rp_str text);

/* ---- tokens of one line (scan.c) ---- */

enum rp_kind {
    RP_K_BLANK,
    RP_K_PUNCT,
    RP_K_WORD,
    RP_K_IDENT, /* a word with digits or . / @ $ inside */
    RP_K_WILD,
    RP_K_QUOTED, /* from here on in keys only: a short quoted string */
    RP_K_VALUE,  /* the value after key= */
    RP_K_TEXT,   /* a quoted message */
    RP_K_PHRASE, /* a text that is a value elsewhere */
    RP_K_HOLE    /* blanked, when contexts are compared */
};

enum { RP_TOKENS_MAX = 1024, RP_SIDE_MAX = 3 * RP_MINER_LINE_MAX, RP_LINE_PAD = 64 };

struct rp_token {
    const char *p;
    uint32_t n;
    uint16_t kind; /* as a byte its stores could be of anything to a compiler */
};

/* Content hash of tokens: of text and kinds in order. A single blank is folded into what follows.
 */
struct rp_hasher {
    uint64_t h, blank;
};
static inline void rp_hasher_add(struct rp_hasher *x, const char *p, size_t n, unsigned kind)
{
    if (kind == RP_K_BLANK && n == 1 && *p == ' ' && x->blank == 0) {
        x->blank = UINT64_C(0x8EBC6AF09C88C6E3);
        return;
    }
    x->h = rp_hash_more(x->h + x->blank + kind, p, n);
    x->blank = 0;
}
static inline uint64_t rp_hasher_end(const struct rp_hasher *x)
{
    return x->blank != 0 ? rp_mix(x->h, x->blank) : x->h;
}

/* What was asked of a text before. */
struct rp_unit_asked {
    uint64_t text; /* and its length */
    bool unit;
};
struct rp_word_asked {
    uint64_t hash;
    uint32_t flags;
    int level;
};
enum { RP_UNITS_ASKED = 64, RP_WORDS_ASKED = 256 };

struct rp_scan {
    struct rp_token v[RP_TOKENS_MAX];
    size_t n;
    size_t method; /* tokens when a request target may follow: "GET " */
    uint8_t has;   /* RP_HAS_ */
    size_t side_n, laid_n;
    struct rp_laid laid[RP_TOKENS_MAX];                           /* each has one at least */
    char side[RP_SIDE_MAX];                                       /* words that were rewritten */
    char line[RP_LINE_PAD + RP_MINER_LINE_MAX + 2 * RP_LINE_PAD]; /* between zeros */
    struct rp_bits bits;                                          /* of the line */
    struct rp_hasher hash;                                        /* of the tokens, as they come */
    struct rp_stretches stretches;
    struct rp_unit_asked units[RP_UNITS_ASKED];
    struct rp_word_asked words[RP_WORDS_ASKED];
};
/* HTTP, SQLSTATE, or a word that has as many letters and such ends: what is asked again. */
static inline bool rp_may_name_code(const char *p, size_t n)
{
    return (n == 4 && to_lower(p[0]) == 'h' && to_lower(p[3]) == 'p') ||
           (n == 8 && to_lower(p[0]) == 's' && to_lower(p[7]) == 'e');
}
/* What was seen in a line that is looked at again when its tokens are known, or later in it. */
enum {
    RP_HAS_SIZE = 1,  /* a unit of size */
    RP_HAS_PLACE = 2, /* "user", or an identifier after "=" */
    RP_HAS_CODE = 4   /* perhaps HTTP or SQLSTATE */
};
/* Of a word in the line's copy: does "=" stand before it, and perhaps a blank? */
static inline bool rp_after_equals(const char *p)
{
    while (p[-1] == ' ' || (p[-1] >= '\t' && p[-1] <= '\r'))
        p--;
    return p[-1] == '=';
}
static inline unsigned rp_scan_note(const char *p, size_t n, unsigned kind)
{
    unsigned has = n <= 3 && p[n - 1] == 'B' ? RP_HAS_SIZE : 0;
    if ((n == 4 && to_lower(*p) == 'u') || (kind == RP_K_IDENT && rp_after_equals(p)))
        has |= RP_HAS_PLACE;
    return has | (rp_may_name_code(p, n > 4 && p[4] == '/' ? 4 : n) ? RP_HAS_CODE : 0);
}
/* The masked line, of which it keeps a copy. What is past the limits ends in one wildcard. Answers
 * the tokens' hash; the tokens are there after rp_stretch_write. */
uint64_t rp_scan_line(struct rp_scan *s, struct rp_str line);
uint64_t rp_scan_hash(const struct rp_scan *s);
/* Sizes, and values by their place (placed.c): has any token changed? */
bool rp_placed_mask(struct rp_scan *s);

/* The typed masks (typed.c): length of the value that begins at `at`, 0 if none does. `seen` holds
 * the RP_SEEN_ bits of the whole line, so that most masks need not be asked. */
enum {
    RP_SEEN_COLON = 1,
    RP_SEEN_URL = 2,  /* :// */
    RP_SEEN_PORT = 4, /* a digit after a colon */
    RP_SEEN_QUERY = 8
};
struct rp_at {
    const char *begin, *p, *end; /* of the line, between zeros; p is where we are */
    const struct rp_bits *bits;
    uint32_t seen;
    bool after_method; /* "GET " stands before p */
    bool plain;        /* what was scanned last is no value, whatever comes after it */
};
size_t rp_typed_letter(const struct rp_at *at, const char *run);
size_t rp_typed_digit(const struct rp_at *at);
size_t rp_typed_punct(const struct rp_at *at);
/* Is what stands at `at` as long as a code? Its length, else 0. */
size_t rp_code_length(const struct rp_at *at);
/* Length of a code at `at` that stays text: an HTTP status, a SQLSTATE (codes.c); else 0. */
size_t rp_code_at(const struct rp_scan *s, const struct rp_at *at);
/* A word with digits (atom.c): whole wildcard, or masked piece by piece into the side buffer. */
void rp_atom_mask(struct rp_scan *s, struct rp_token *t);

/* ---- symbols (symbols.c) ---- */

struct rp_symbol {
    const char *p;
    uint32_t n, next; /* chain of the table */
    uint64_t hash, text_hash, lower_hash,
        digit_hash; /* of text and kind, text, lower case, 0-9 → # */
    uint32_t flags;
    uint16_t content; /* content words */
    uint8_t kind;
    int8_t level; /* value-likeness, doubled: 8 wildcard … 0 closed class, -2 punctuation */
    char c;       /* the character of one-character punctuation, else 0 */
};

enum {
    RP_LEVEL_WILD = 8,
    RP_LEVEL_ID = 6,
    RP_LEVEL_DIGIT = 5,
    RP_LEVEL_NAME = 4,
    RP_LEVEL_WORD = 2
};

/* Always there, with these numbers. */
enum { RP_SYM_WILD, RP_SYM_BLANK, RP_SYM_HOLE, RP_SYM_BRACKET /* " (" */, RP_SYM_FIXED };

struct rp_symbols {
    struct rp_symbol *v;
    uint32_t n, cap;
    uint32_t *heads;
    uint32_t heads_n;
    struct rp_arena own, *texts; /* where texts of new symbols go: `own`, or a refinement's */
};
void rp_symbols_open(struct rp_symbols *t);
void rp_symbols_close(struct rp_symbols *t);
uint32_t rp_symbol_of(struct rp_symbols *t, struct rp_str text, enum rp_kind kind);
/* Forgets all symbols from number n on. */
void rp_symbols_cut(struct rp_symbols *t, uint32_t n);
int rp_level_of(struct rp_str text, enum rp_kind kind, uint32_t flags);
/* All flags of a text: listed word classes and what its letters show. */
uint32_t rp_flags_of(struct rp_str text, enum rp_kind kind);

/* ---- sequences ---- */

struct rp_seq {
    const uint32_t *v;
    uint32_t n;
};
struct rp_vec {
    uint32_t *v;
    size_t n, cap;
};
void rp_vec_add(struct rp_vec *v, uint32_t x);
void rp_vec_seq(struct rp_vec *v, struct rp_seq s);
static inline struct rp_seq rp_seq_part(struct rp_seq s, uint32_t from, uint32_t to)
{
    if (from >= to) /* of an empty one, too, that has no address */
        return (struct rp_seq){s.v, 0};
    return (struct rp_seq){s.v + from, to - from};
}
static inline struct rp_seq rp_vec_view(const struct rp_vec *v)
{
    return (struct rp_seq){v->v, (uint32_t)v->n};
}

/* Equal hashes are taken for equal content; 64 bits, well mixed. Buckets are found by sorting. */
struct rp_entry {
    uint64_t hash;
    uint32_t item, a, b; /* whose, and where in it */
};
struct rp_entries {
    struct rp_entry *v;
    size_t n, cap;
    uint64_t *seen; /* two bits a hash: what comes once only is never stored */
    size_t seen_n;
    bool counting;
};
void rp_entries_add(struct rp_entries *e, struct rp_entry x);
/* For passes that make many entries of which few meet: run the same loop twice, between _count()
 * and _collect() with nothing stored. */
void rp_entries_count(struct rp_entries *e, size_t items); /* of how many keys or so */
void rp_entries_collect(struct rp_entries *e);
void rp_entries_free(struct rp_entries *e);
void rp_entries_sort(struct rp_entries *e);
/* Of sorted ones: the first that has this hash, or whose place it would be. */
size_t rp_entries_find(const struct rp_entries *e, uint64_t hash);
bool rp_entries_has(const struct rp_entries *e, uint64_t hash);
/* End of the run of equal hashes that begins at `from`. */
size_t rp_entries_run(const struct rp_entries *e, size_t from);

/* A bucket: entries [from, to). Largest first, then by the place `a` of its first entry, then by
 * hash. */
struct rp_bucket {
    size_t from, to;
};
/* Buckets of at least `least` entries of sorted e; free() the result. */
struct rp_bucket *rp_entries_buckets(const struct rp_entries *e, size_t least, size_t *n);

/* ---- one refinement (refine.c) ---- */

struct rp_work;

/* Hash of a key: a sum over places, so that one item can be exchanged at once. */
struct rp_key_item {
    struct rp_seq s;
    uint64_t hash;
    uint64_t loose; /* with every identifier as a wildcard */
    uint32_t content;
};
uint64_t rp_key_hash(const struct rp_work *w, struct rp_seq s);
uint64_t rp_key_hash_with(const struct rp_work *w, const struct rp_key_item *k, uint32_t i,
                          uint32_t id);
/* The same with the item as a hole, and every other identifier as a wildcard. */
uint64_t rp_key_loose_without(const struct rp_work *w, const struct rp_key_item *k, uint32_t i);
bool rp_key_known(const struct rp_work *w, uint64_t hash);

/* Works on distinct sequences; everything made on the way lives in the arena and in symbols that
 * are cut off at the end. */
struct rp_work {
    struct rp_symbols *sym;
    struct rp_arena arena;
    struct rp_key_item *keys; /* distinct */
    size_t n_keys;
    uint32_t *cur;          /* key of each form */
    struct rp_seq *first;   /* the key that each form had before the passes */
    struct rp_seq *becomes; /* of each key in the running pass; v NULL: stays */
    size_t n_forms;
    bool changed, wide; /* wide: too many keys for the costly passes */
    bool *known;        /* of symbols that were there when the round began (known.c) */
    uint32_t n_known;
    const atomic_bool *cut; /* or NULL: see rp_miner_cut */
    bool *introduces;       /* as known: what follows it is a value in several messages */
    bool *slot_value;       /* of the first n_slot_values symbols: was it a value of a slot? */
    uint32_t n_slot_values;
};

/* An identifier that is one whatever stands around it. */
static inline bool rp_is_identifier(const struct rp_symbol *x)
{
    return x->kind == RP_K_IDENT && x->level >= RP_LEVEL_ID;
}
static inline const struct rp_symbol *rp_sym(const struct rp_work *w, uint32_t id)
{
    return &w->sym->v[id];
}
/* The character at i if it is punctuation, else 0; 0 outside. */
static inline char rp_char_at(const struct rp_work *w, struct rp_seq s, size_t i)
{
    return i < s.n ? w->sym->v[s.v[i]].c : '\0';
}
static inline int rp_kind_at(const struct rp_work *w, struct rp_seq s, size_t i)
{
    return i < s.n ? w->sym->v[s.v[i]].kind : -1;
}
static inline uint32_t rp_flags_at(const struct rp_work *w, struct rp_seq s, size_t i)
{
    return i < s.n ? w->sym->v[s.v[i]].flags : 0;
}
struct rp_seq rp_seq_keep(struct rp_work *w, struct rp_seq s); /* copy in the arena */
/* The symbol of all of its text. */
uint32_t rp_seq_join(struct rp_work *w, struct rp_seq s, enum rp_kind kind);
uint64_t rp_seq_hash(const struct rp_work *w, struct rp_seq s);
uint64_t rp_seq_text_hash(const struct rp_work *w, struct rp_seq s);
uint32_t rp_seq_content(const struct rp_work *w, struct rp_seq s);
struct rp_str rp_seq_text(const struct rp_work *w, struct rp_arena *a, struct rp_seq s);

/* Grouping key of a form (key.c): at most 128 items. */
struct rp_seq rp_key_of(struct rp_work *w, struct rp_seq form);
struct rp_seq rp_key_collapse(struct rp_work *w, struct rp_seq s, bool units);
/* Lists of wildcards that a replacement has made become one. */
struct rp_seq rp_key_again(struct rp_work *w, struct rp_seq s);
/* Key i becomes its items with [from, to) as one wildcard. */
void rp_key_replace(struct rp_work *w, uint32_t i, uint32_t from, uint32_t to);
bool rp_opens_message(const struct rp_work *w, struct rp_seq f, size_t quote);

/* What stands before a position (decide.c). */
enum rp_hint { RP_HINT_NONE, RP_HINT_END, RP_HINT_PREP, RP_HINT_NOUN, RP_HINT_SLOT };
enum rp_hint rp_hint_at(const struct rp_work *w, struct rp_seq c, size_t i);
/* Does a verb stand at i, whatever it is? */
bool rp_is_verb_at(const struct rp_work *w, struct rp_seq s, size_t i);
/* Is a position with these distinct symbols variable? `context`: other content words. */
bool rp_values_vary(const struct rp_work *w, const uint32_t *v, size_t n, enum rp_hint h,
                    uint32_t context);

/* Are there two among few values of which one denies the other: NodeReady, NodeNotReady? */
bool rp_values_deny(const struct rp_work *w, const uint32_t *v, size_t n);

/* Constants of one kind: RLIMIT_CORE, RLIMIT_NPROC? */
bool rp_are_enumerators(const struct rp_work *w, const uint32_t *v, size_t n);

/* Words that stand for one another in several places (known.c). */
void rp_known_find(struct rp_work *w);
bool rp_is_known(const struct rp_work *w, uint32_t id);
/* What a line says beside its names and item `hole`: one message, whatever they are. */
uint32_t rp_message_of(const struct rp_work *w, struct rp_seq s, uint32_t hole);
/* Words that a value follows in several messages (introducers.c), as nouns of the list. */
void rp_introducers_find(struct rp_work *w);
bool rp_introduces(const struct rp_work *w, uint32_t id);
/* The level of an item, where a participle that is known to be a name counts as a word. */
int rp_level_at(const struct rp_work *w, uint32_t id);

/* Passes over keys (passes.c, holes.c, instances.c, spans.c): fill becomes[]. */
void rp_pass_names(struct rp_work *w);
void rp_pass_slots(struct rp_work *w);
void rp_pass_names_and_slots(struct rp_work *w);
void rp_pass_one_hole(struct rp_work *w);
void rp_pass_absorb(struct rp_work *w);
void rp_pass_two_holes(struct rp_work *w);
void rp_pass_named(struct rp_work *w);
void rp_pass_instances(struct rp_work *w);
void rp_pass_tails(struct rp_work *w);
void rp_pass_remarks(struct rp_work *w);
void rp_pass_spans(struct rp_work *w);

/* Group of each form: number of its final key, from 0. Returns the number of groups. */
size_t rp_refine(struct rp_work *w, const struct rp_seq *forms, size_t n, uint32_t *group);

/* ---- skeletons of forms (skeleton.c) ---- */

struct rp_skeleton {
    uint64_t hash;
    uint32_t place; /* of the next item */
};
void rp_skeleton_add(const struct rp_work *w, struct rp_skeleton *k, uint32_t id);

/* A value of one form: the first member of what is sorted by place. */
struct rp_found {
    uint64_t skeleton, value; /* value: hash of its text */
    uint32_t form, place;
};
int rp_found_by_place(const void *a, const void *b);

/* ---- slots and inner parts of forms (slots.c, inner.c) ---- */

struct rp_slot {
    uint16_t from, to;         /* RP_TOKENS_MAX bounds them */
    uint16_t out_from, out_to; /* with the quotes that a value after a key may have or not */
    char kind;                 /* Q quoted, K key=, M ", key: ", A <Repr>, S [word] */
    uint32_t key_flags;        /* word classes of the key */
    uint64_t key;              /* lower-case hash of the key; 0: none */
};
bool rp_is_word_at(const struct rp_work *w, struct rp_seq f, size_t i);
static inline bool rp_is_blank_at(const struct rp_work *w, struct rp_seq f, size_t i)
{
    return rp_kind_at(w, f, i) == RP_K_BLANK;
}
/* End of an unquoted value that starts at j: a blank, one of `stops`, or a closing bracket that was
 * not opened inside. *depth: brackets that are still open there. */
size_t rp_value_end(const struct rp_work *w, struct rp_seq f, size_t j, const char *stops,
                    size_t *depth);
size_t rp_slots_find(const struct rp_work *w, struct rp_seq f, struct rp_slot *out, size_t max);
enum { RP_SLOTS_MAX = 64 };
size_t rp_close_quote(const struct rp_work *w, struct rp_seq f, size_t open);

/* Where in a form an inner text may stand (cuts.c): items [from, to). */
struct rp_cut {
    uint32_t from, to;
};
enum { RP_CUTS_MAX = 24 };
/* Into v, which has room for RP_CUTS_MAX; answers their number. */
size_t rp_cuts_find(const struct rp_work *w, struct rp_seq f, struct rp_cut *v);
/* Index of the bracket that closes the one at `open`, 0 if none does. */
size_t rp_close_bracket(const struct rp_work *w, struct rp_seq f, size_t open);

/* One text that was found inside of a form. */
struct rp_inner {
    uint32_t form;
    struct rp_seq text;
};
struct rp_inners {
    struct rp_inner *v;
    size_t n, cap;
};
void rp_inners_add(struct rp_inners *l, struct rp_inner x);
/* Blanks what varies in slots and inner parts of forms[0..n), in place; inner texts are noted. */
void rp_fill_slots(struct rp_work *w, struct rp_seq *forms, size_t n, struct rp_inners *inner);
/* Texts of inner that other forms have become one item there. */
void rp_phrases_join(struct rp_work *w, struct rp_seq *forms, size_t n,
                     const struct rp_inners *inner);
/* The place after the printed collection that begins at `open`; 0 if none does. */
size_t rp_collection_end(const struct rp_work *w, struct rp_seq f, size_t open);
size_t rp_comma_list_end(const struct rp_work *w, struct rp_seq f, size_t i);
bool rp_lists_pass(struct rp_work *w, struct rp_seq *forms, size_t n);
bool rp_slots_pass(struct rp_work *w, struct rp_seq *forms, size_t n, struct rp_inners *inner);
bool rp_inner_pass(struct rp_work *w, struct rp_seq *forms, size_t n, struct rp_inners *inner);

/* ---- state (miner.c, patterns.c, state.c) ---- */

struct rp_form {
    uint64_t hash, count, last; /* last: clock of lines when it was seen */
    uint32_t from, n;           /* its items */
    uint32_t id;                /* of the pattern that it was born with */
    uint32_t inner;             /* 1 + number of its inner template, 0: none */
};

struct rp_pattern {
    uint32_t parent; /* itself, or the older pattern that it is part of */
    struct rp_str template;
    uint64_t last;
};

struct rp_place {
    uint64_t hash;
    uint32_t form; /* 1 + its number, 0: free */
};

struct rp_line_met {
    uint64_t line, form; /* hashes of its bytes, and of its form */
};
enum { RP_LINES_MET = 8192 };

struct rp_miner {
    struct rp_symbols sym;
    struct rp_form *forms;
    uint32_t n_forms, cap_forms;
    struct rp_vec items; /* of all forms */
    struct rp_place *places;
    uint32_t n_places;
    struct rp_pattern *patterns; /* by id; number 0 is RP_MINER_OTHER */
    uint32_t n_patterns, cap_patterns;
    struct rp_arena texts; /* of templates; made anew by each refinement */
    struct rp_str *inner;  /* templates of inner errors */
    uint32_t n_inner;
    struct rp_entries index; /* templates by their longest word */
    uint64_t lines, other, forgotten;
    uint32_t refined; /* forms at the last refinement */
    bool full;        /* a flood: nothing new is taken until `retry` */
    uint64_t retry;
    const atomic_bool *cut; /* or NULL */
    struct rp_scan scan;
    struct rp_line_met met[RP_LINES_MET]; /* lines come again as they are */
};

/* The form of scan's tokens, NULL if there is none. */
struct rp_form *rp_form_find(const struct rp_miner *m, uint64_t hash);
/* What is known of a form (NULL: only its pattern's id is). */
struct rp_miner_hit rp_form_hit(const struct rp_miner *m, const struct rp_form *f, uint32_t id);
uint64_t rp_form_hash(const struct rp_miner *m, struct rp_seq items);
struct rp_form *rp_form_add(struct rp_miner *m, uint64_t hash, struct rp_seq items, uint32_t id)
    __attribute__((returns_nonnull));
void rp_forms_rehash(struct rp_miner *m);
struct rp_seq rp_form_items(const struct rp_miner *m, const struct rp_form *f);
bool rp_miner_has_room(const struct rp_miner *m);
uint32_t rp_pattern_new(struct rp_miner *m);
/* The older one of both lives. */
void rp_pattern_union(struct rp_miner *m, uint32_t a, uint32_t b);
/* A pattern whose template has wildcards where the scanned line differs; 0 if there is none. */
uint32_t rp_pattern_match(const struct rp_miner *m, const struct rp_scan *s);
void rp_pattern_index(struct rp_miner *m);
/* Makes room in full tables. */
void rp_miner_thin(struct rp_miner *m);

/* ---- template (template.c) ---- */

/* Of the forms of one group, the most frequent first. */
struct rp_str rp_template_of(struct rp_work *w, struct rp_arena *a, const struct rp_seq *forms,
                             size_t n);

#endif
