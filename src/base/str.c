#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- slices ---- */

bool rp_str_eq(struct rp_str a, struct rp_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

int rp_str_cmp(struct rp_str a, struct rp_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int c = n > 0 ? memcmp(a.p, b.p, n) : 0;
    if (c != 0)
        return c;
    return a.n < b.n ? -1 : a.n > b.n;
}

bool rp_str_starts(struct rp_str s, const char *prefix)
{
    size_t n = strlen(prefix);
    return s.n >= n && (n == 0 || memcmp(s.p, prefix, n) == 0);
}

bool rp_str_ends(struct rp_str s, const char *suffix)
{
    size_t n = strlen(suffix);
    return s.n >= n && (n == 0 || memcmp(s.p + s.n - n, suffix, n) == 0);
}

size_t rp_str_find(struct rp_str s, struct rp_str needle)
{
    if (needle.n == 0)
        return 0;
    if (s.n < needle.n)
        return SIZE_MAX;
    const char *hit = memmem(s.p, s.n, needle.p, needle.n);
    return hit != NULL ? (size_t)(hit - s.p) : SIZE_MAX;
}

struct rp_str rp_str_trim(struct rp_str s)
{
    while (s.n > 0 && isspace((unsigned char)s.p[0]))
        s.p++, s.n--;
    while (s.n > 0 && isspace((unsigned char)s.p[s.n - 1]))
        s.n--;
    return s;
}

bool rp_str_split(struct rp_str *rest, char sep, struct rp_str *part)
{
    if (rest->p == NULL)
        return false;
    const char *hit = rest->n > 0 ? memchr(rest->p, sep, rest->n) : NULL;
    if (hit == NULL) {
        *part = *rest;
        *rest = RP_NONE;
        return true;
    }
    *part = (struct rp_str){rest->p, (size_t)(hit - rest->p)};
    rest->n -= part->n + 1;
    rest->p = hit + 1;
    return true;
}

bool rp_str_u64(struct rp_str s, uint64_t *out)
{
    uint64_t v = 0;
    if (s.n == 0)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
            return false;
    }
    *out = v;
    return true;
}

bool rp_str_i64(struct rp_str s, int64_t *out)
{
    bool minus = s.n > 0 && s.p[0] == '-';
    uint64_t v;
    if (minus)
        s.p++, s.n--;
    if (!rp_str_u64(s, &v) || v > (uint64_t)INT64_MAX + (minus ? 1 : 0))
        return false;
    *out = minus ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

/* Unicode 15, table 3-7: only the second byte's range depends on the first. */
size_t rp_utf8_len(const char *text, size_t n)
{
    const unsigned char *p = (const unsigned char *)text;
    if (p[0] < 0x80)
        return 1;
    size_t len = p[0] >= 0xC2 && p[0] <= 0xDF   ? 2
                 : p[0] >= 0xE0 && p[0] <= 0xEF ? 3
                 : p[0] >= 0xF0 && p[0] <= 0xF4 ? 4
                                                : 0;
    if (len == 0 || len > n)
        return 0;
    unsigned char lo = p[0] == 0xE0 ? 0xA0 : p[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char hi = p[0] == 0xED ? 0x9F : p[0] == 0xF4 ? 0x8F : 0xBF;
    if (p[1] < lo || p[1] > hi)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xC0) != 0x80)
            return 0;
    return len;
}

size_t rp_utf8_whole(const char *p, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = (unsigned char)p[n - back];
        if ((c & 0xC0) != 0x80)
            return c >= 0xC0 && rp_utf8_len(p + n - back, back) == 0 ? n - back : n;
    }
    return n;
}

bool rp_utf8_valid(struct rp_str s)
{
    for (size_t i = 0; i < s.n;) {
        size_t len = rp_utf8_len(s.p + i, s.n - i);
        if (len == 0)
            return false;
        i += len;
    }
    return true;
}

uint64_t rp_hash64(struct rp_str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3u;
    return h;
}

/* ---- memory ---- */

static _Noreturn void out_of_memory(size_t n)
{
    (void)fprintf(stderr, "reprise: out of memory (%zu bytes asked)\n", n);
    abort();
}

void *rp_xmalloc(size_t n)
{
    void *p = malloc(n > 0 ? n : 1);
    if (p == NULL)
        out_of_memory(n);
    return p;
}

void *rp_xcalloc(size_t n, size_t size)
{
    void *p = calloc(n > 0 ? n : 1, size > 0 ? size : 1);
    if (p == NULL)
        out_of_memory(n);
    return p;
}

void *rp_xrealloc(void *p, size_t n)
{
    void *q = realloc(p, n > 0 ? n : 1);
    if (q == NULL)
        out_of_memory(n);
    return q;
}

char *rp_xstrdup(const char *c)
{
    size_t n = strlen(c) + 1;
    return memcpy(rp_xmalloc(n), c, n);
}

/* ---- arenas ---- */

/* The first piece, with its header, is of a size that glibc keeps at hand for its thread (up to
 * 1,032 bytes): most requests need no more. */
enum { ARENA_ALIGN = 16, ARENA_CHUNK = 960 };

struct rp_arena_chunk {
    struct rp_arena_chunk *next;
    size_t used, size;
    _Alignas(ARENA_ALIGN) char data[];
};

static struct rp_arena_chunk *chunk_new(struct rp_arena *a, size_t n)
{
    /* Doubling keeps the number of chunks logarithmic for large arenas. */
    size_t size = a->chunk != NULL ? a->chunk->size * 2 : ARENA_CHUNK;
    if (size > ((size_t)1 << 20))
        size = (size_t)1 << 20;
    if (size < n)
        size = n;
    struct rp_arena_chunk *c = rp_xmalloc(sizeof *c + size);
    c->next = a->chunk;
    c->used = 0;
    c->size = size;
    a->chunk = c;
    return c;
}

void *rp_alloc(struct rp_arena *a, size_t n)
{
    if (n > SIZE_MAX / 2)
        out_of_memory(n);
    size_t need = (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct rp_arena_chunk *c = a->chunk;
    if (c == NULL || c->size - c->used < need)
        c = chunk_new(a, need);
    void *p = c->data + c->used;
    c->used += need;
    a->used += need;
    return memset(p, 0, n);
}

void *rp_alloc_n(struct rp_arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        out_of_memory(SIZE_MAX);
    return rp_alloc(a, bytes);
}

void rp_arena_free(struct rp_arena *a)
{
    while (a->chunk != NULL) {
        struct rp_arena_chunk *next = a->chunk->next;
        free(a->chunk);
        a->chunk = next;
    }
    a->used = 0;
}

struct rp_str rp_str_dup(struct rp_arena *a, struct rp_str s)
{
    if (s.p == NULL)
        return RP_NONE;
    return (struct rp_str){rp_cstr(a, s), s.n};
}

char *rp_cstr(struct rp_arena *a, struct rp_str s)
{
    char *p = rp_alloc(a, s.n + 1);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return p;
}

struct rp_str rp_str_fmt(struct rp_arena *a, const char *fmt, ...)
{
    struct rp_buf b = {0};
    va_list ap;
    char small[256];
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0)
        return RP_STR("");
    if ((size_t)n < sizeof small)
        return rp_str_dup(a, (struct rp_str){small, (size_t)n});
    b.p = rp_alloc(a, (size_t)n + 1);
    va_start(ap, fmt);
    (void)vsnprintf(b.p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return (struct rp_str){b.p, (size_t)n};
}

/* ---- buffers ---- */

static bool buf_room(struct rp_buf *b, size_t n)
{
    if (b->overflow || (b->limit > 0 && n > b->limit - b->n)) {
        b->overflow = true;
        return false;
    }
    if (b->cap - b->n > n)
        return true;
    size_t cap = b->cap > 0 ? b->cap : 256;
    while (cap - b->n <= n)
        cap *= 2;
    b->p = rp_xrealloc(b->p, cap);
    b->cap = cap;
    return true;
}

void rp_buf_add(struct rp_buf *b, const void *p, size_t n)
{
    if (n == 0 || !buf_room(b, n))
        return;
    memcpy(b->p + b->n, p, n);
    b->n += n;
    b->p[b->n] = '\0';
}

void rp_buf_str(struct rp_buf *b, struct rp_str s)
{
    rp_buf_add(b, s.p, s.n);
}

void rp_buf_c(struct rp_buf *b, char c)
{
    rp_buf_add(b, &c, 1);
}

void rp_buf_i64(struct rp_buf *b, int64_t v)
{
    char text[24], *p = text + sizeof text;
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do
        *--p = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (v < 0)
        *--p = '-';
    rp_buf_add(b, p, (size_t)(text + sizeof text - p));
}

void rp_buf_fmt(struct rp_buf *b, const char *fmt, ...)
{
    va_list ap;
    char small[256];
    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n <= 0)
        return;
    if ((size_t)n < sizeof small) {
        rp_buf_add(b, small, (size_t)n);
        return;
    }
    if (!buf_room(b, (size_t)n))
        return;
    va_start(ap, fmt);
    (void)vsnprintf(b->p + b->n, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->n += (size_t)n;
}

void rp_buf_free(struct rp_buf *b)
{
    free(b->p);
    *b = (struct rp_buf){.limit = b->limit};
}
