/* Shared inside analyze/: bytes, lines, stack traces. Locale plays no part: ASCII by hand. */
#ifndef RP_ANALYZE_INTERNAL_H
#define RP_ANALYZE_INTERNAL_H

#include "analyze/analyze.h"

static inline bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}
static inline bool is_upper(char c)
{
    return c >= 'A' && c <= 'Z';
}
static inline bool is_lower(char c)
{
    return c >= 'a' && c <= 'z';
}
static inline bool is_alpha(char c)
{
    return is_upper(c) || is_lower(c);
}
static inline bool is_alnum(char c)
{
    return is_alpha(c) || is_digit(c);
}
static inline bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
static inline bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}
static inline char to_lower(char c)
{
    return is_upper(c) ? (char)(c + 32) : c;
}

static inline bool one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

static inline struct rp_str str_from(struct rp_str s, size_t at)
{
    return (struct rp_str){at > 0 ? s.p + at : s.p, s.n - at};
}
static inline struct rp_str str_head(struct rp_str s, size_t n)
{
    return (struct rp_str){s.p, n < s.n ? n : s.n};
}
static inline bool str_has(struct rp_str s, const char *needle)
{
    return rp_str_find(s, rp_str_of(needle)) != SIZE_MAX;
}
/* Equal but for ASCII case; word is lower case. */
bool rp_str_is_word(struct rp_str s, const char *word);
/* One of the words, NULL-terminated, lower case. */
bool rp_str_in(struct rp_str s, const char *const *words);

/* The lines of a text without escapes and control characters, blank ones left out. */
struct rp_lines {
    struct rp_str *v;
    size_t n;
};
struct rp_lines rp_text_lines(struct rp_arena *a, struct rp_str text);
bool rp_line_is_frame(struct rp_str line);
/* A line of a trace without what stands before it, and how wide that is. */
static inline struct rp_str rp_trace_inside(struct rp_str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '|'))
        s = str_from(s, 1);
    return s;
}
static inline size_t rp_trace_depth(struct rp_str s)
{
    return s.n - rp_trace_inside(s).n;
}
/* Without what was suppressed, and of several exceptions all but the first (trace_blocks.c). */
struct rp_lines rp_trace_own_lines(struct rp_arena *a, const struct rp_lines *lines);
/* The exception printed last and its frames; false if there is no stack trace. */
bool rp_trace_read(struct rp_arena *a, const struct rp_lines *lines, struct rp_key *out);
/* Does it look like the first line of what a failed program prints: "Traceback …", "XyzError: …",
 * "Caused by: …", "panic: …"? */
bool rp_line_starts_trace(struct rp_str line);

/* A line as rules see it: lower case, words that say the same made one (words.c). */
struct rp_words {
    char low[RP_KEY_LINE_MAX + 8];   /* bytes behind it may be read, eight at once */
    bool start[RP_KEY_LINE_MAX + 1]; /* of a word, also inside a CamelCase name */
    size_t n;
};
void rp_words(struct rp_words *out, struct rp_str line);

/* What learned weights know a line by (features.c). */
enum { RP_FEATURES_MAX = 256, RP_LEARNED_UNIT = 20 };
struct rp_feature {
    struct rp_str before; /* the word before it, of a pair of words; else absent */
    struct rp_str word;
    bool stem;     /* the beginning of words */
    uint64_t hash; /* never 0 */
};
size_t rp_features(const struct rp_words *w, struct rp_feature out[RP_FEATURES_MAX]);
/* Of one as learned.tsv writes it: "refused", "refus~", "not found", "*" for any line. */
uint64_t rp_feature_hash(struct rp_str text);
/* How much one counts where so many are known: the more, the less each says. Others do not count:
 * a name that nobody has seen changes nothing. */
double rp_feature_share(size_t known);
extern const char rp_learned_table[]; /* learned.tsv */
/* A ruling of which little is thought, or the class that the words of the line speak for more;
 * trust: how many e-folds of odds the ruling is worth. */
struct rp_ruling rp_learned(struct rp_str line, struct rp_ruling v, double trust);

/* The text rules in order (rules.c says how phrases are written). */
struct rp_rule {
    enum rp_class class;
    const char *const *any; /* phrases, ended by NULL */
};
#define RP_ANY(...)                                                                                \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
/* Every phrase that one with groups of words ("no such <file>", phrases.c) stands for. */
void rp_phrase_expand(const char *phrase, void (*each)(void *ctx, const char *phrase), void *ctx);
/* Tables end with a row without phrases. Names of errors and fixed sentences of known software,
 * asked first, as if they were one table; ended by NULL. */
extern const struct rp_rule rp_database_rules[], rp_service_rules[], rp_language_rules[],
    rp_tool_rules[], rp_name_rules[], rp_limit_rules[];
extern const struct rp_rule *const rp_name_tables[];
/* Phrases of any software (rules.c). */
extern const struct rp_rule rp_rules[];
/* Classes of exceptions, asked after those (rules_exceptions.c). */
extern const struct rp_rule rp_exception_rules[];
/* What cannot be done, is missing, spoilt or gone, asked after those (rules_shapes.c). */
extern const struct rp_rule rp_shape_rules[];
/* Phrases that say little, asked after those (rules_late.c). */
extern const struct rp_rule rp_late_rules[];
/* Single words, for what matches none of those (rules_general.c). */
extern const struct rp_rule rp_general_rules[];
/* First text rule that matches: its class and phrase; RP_CLASS_UNKNOWN if none. */
struct rp_ruling rp_rules_match(struct rp_str line);
struct rp_ruling rp_name_rules_match(struct rp_str line, unsigned *weight);
struct rp_ruling rp_exception_rules_match(struct rp_str line);
struct rp_ruling rp_shape_rules_match(struct rp_str line);
struct rp_ruling rp_late_rules_match(struct rp_str line);
struct rp_ruling rp_general_rules_match(struct rp_str line);
/* What a code in the line says that one software defines: SQLSTATE, ORA-00060, MySQL's and gRPC's
 * (codes.c); RP_CLASS_UNKNOWN if there is none that says enough. */
struct rp_ruling rp_codes_match(struct rp_str line);
/* How a process ended, as the line says it: an exit code, a signal (endings.c). */
struct rp_ruling rp_ending_match(struct rp_str line);
/* Does it say that a variable of the environment or of the settings is missing or wrong
 * (variables.c)? */
bool rp_line_lacks_variable(struct rp_str line);
/* The class of an SQLSTATE, of its class where the state itself has none. */
enum rp_class rp_class_of_sqlstate(struct rp_str state);

#endif
