/* Memory and text: slices, arenas, growing buffers.
 *
 * Inside the program text is a slice (pointer and length, no NUL). A request, op or run has one
 * arena, freed as a whole. Running out of memory ends the process with a message: the store makes
 * that safe, and no path pretends to handle it. None of these is shared between threads without a
 * lock of the owner's. */
#ifndef RP_BASE_STR_H
#define RP_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* ---- slices ---- */

struct rp_str {
    const char *p; /* NULL means absent (not known); "" means empty */
    size_t n;
};

#define RP_STR(lit) ((struct rp_str){"" lit, sizeof(lit) - 1})
#define RP_NONE     ((struct rp_str){NULL, 0})
/* For printf's "%.*s". */
#define RP_FMT(s) (int)(s).n, ((s).p != NULL ? (s).p : "")

static inline struct rp_str rp_str_of(const char *c)
{
    return (struct rp_str){c, c != NULL ? strlen(c) : 0};
}
static inline bool rp_str_is(struct rp_str s, const char *c)
{
    return s.p != NULL && s.n == strlen(c) && memcmp(s.p, c, s.n) == 0;
}
bool rp_str_eq(struct rp_str a, struct rp_str b);
int rp_str_cmp(struct rp_str a, struct rp_str b); /* by bytes */
bool rp_str_starts(struct rp_str s, const char *prefix);
bool rp_str_ends(struct rp_str s, const char *suffix);
/* Offset of needle, or SIZE_MAX. */
size_t rp_str_find(struct rp_str s, struct rp_str needle);
struct rp_str rp_str_trim(struct rp_str s); /* ASCII white space at both ends */
/* Takes the part up to `sep` off the front of *rest; false when *rest is used up. Empty parts are
 * returned. */
bool rp_str_split(struct rp_str *rest, char sep, struct rp_str *part);
/* Whole slice as a decimal number; false on anything else or overflow. */
bool rp_str_i64(struct rp_str s, int64_t *out);
bool rp_str_u64(struct rp_str s, uint64_t *out);
bool rp_utf8_valid(struct rp_str s);
/* Length of the well-formed sequence at p (n > 0 bytes are there), 0 if there is none. */
size_t rp_utf8_len(const char *p, size_t n);
/* n without the last sequence of p[0..n) if that was cut off in its middle. */
size_t rp_utf8_whole(const char *p, size_t n);
/* FNV-1a, 64 bits: stable over versions and machines (schedule's H, lock names). Not for untrusted
 * tables. */
uint64_t rp_hash64(struct rp_str s);

/* ---- arenas ---- */

struct rp_arena {
    struct rp_arena_chunk *chunk; /* newest first; zero-initialise the struct to begin */
    size_t used;                  /* in all, for limits */
};

/* Zeroed, aligned for any type; never NULL. */
void *rp_alloc(struct rp_arena *a, size_t n) __attribute__((returns_nonnull));
void rp_arena_free(struct rp_arena *a); /* everything; the arena may be used again */
struct rp_str rp_str_dup(struct rp_arena *a, struct rp_str s);
char *rp_cstr(struct rp_arena *a, struct rp_str s); /* NUL-terminated copy for libraries */
struct rp_str rp_str_fmt(struct rp_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
#define RP_NEW(arena, type)      ((type *)rp_alloc((arena), sizeof(type)))
#define RP_NEW_N(arena, type, n) ((type *)rp_alloc_n((arena), (n), sizeof(type)))
void *rp_alloc_n(struct rp_arena *a, size_t n, size_t size); /* checks the product */

/* malloc family that ends the process instead of returning NULL; free with free(). */
void *rp_xmalloc(size_t n) __attribute__((returns_nonnull));
void *rp_xcalloc(size_t n, size_t size) __attribute__((returns_nonnull));
void *rp_xrealloc(void *p, size_t n) __attribute__((returns_nonnull));
char *rp_xstrdup(const char *c) __attribute__((returns_nonnull));

/* ---- growing buffers ---- */

struct rp_buf {
    char *p;
    size_t n, cap;
    size_t limit; /* 0: none. What would grow past it is dropped and `overflow` set. */
    bool overflow;
};

void rp_buf_add(struct rp_buf *b, const void *p, size_t n);
void rp_buf_str(struct rp_buf *b, struct rp_str s);
void rp_buf_c(struct rp_buf *b, char c);
void rp_buf_i64(struct rp_buf *b, int64_t v); /* decimal */
void rp_buf_fmt(struct rp_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static inline struct rp_str rp_buf_view(const struct rp_buf *b)
{
    return (struct rp_str){b->p != NULL ? b->p : "", b->n};
}
void rp_buf_free(struct rp_buf *b);

#endif
