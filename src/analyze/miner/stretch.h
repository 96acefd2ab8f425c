/* Stretches of a line that always come out as the same tokens: plain words, blanks and marks that
 * no mask takes, whatever stands around them. Lines of one program share them, so a scan that meets
 * one again compares bytes instead of looking for the ends of words. It changes no answer, only how
 * soon it is there.
 *
 * A stretch belongs to the hash of all tokens before it, and knows the hash after it. Two of one
 * hash that begin alike and part later make one that ends where they part: "of queue orders" and
 * "of queue emails" become "of queue ". */
#ifndef RP_ANALYZE_MINER_STRETCH_H
#define RP_ANALYZE_MINER_STRETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RP_STRETCHES = 4096, RP_STRETCH_BYTES = 32, RP_STRETCH_TOKENS = 12 };

/* As many bytes as every machine compares at once. */
typedef uint64_t rp_lanes __attribute__((vector_size(16)));
enum { RP_STRETCH_LANES = RP_STRETCH_BYTES / sizeof(rp_lanes) };

struct rp_stretch {
    rp_lanes text[RP_STRETCH_LANES], mask[RP_STRETCH_LANES]; /* mask: of the bytes that count */
    uint64_t before, h, blank; /* odd hash of the tokens before, 0: free; the rp_hasher after */
    uint8_t bytes;             /* to go on after */
    uint8_t tokens;
    bool blank_end;  /* holds where no other blank follows */
    uint8_t has;     /* RP_HAS_ */
    bool then_value; /* what followed was a value: no other stretch will begin there */
    struct {
        uint8_t from, n, kind;
    } token[RP_STRETCH_TOKENS];
};

struct rp_stretches {
    struct rp_stretch v[RP_STRETCHES];
    uint32_t met[RP_STRETCHES]; /* what was met once is not kept yet: names come and go */
};

/* A stretch that was taken, whose tokens are not written yet: of most lines only the hash is asked.
 */
struct rp_laid {
    const struct rp_stretch *x;
    const char *p;
    uint32_t at; /* number of its first token */
};

struct rp_scan;
struct rp_at;
struct rp_hasher;

/* Takes the stretch that begins here and answers it; NULL if none is known. */
const struct rp_stretch *rp_stretch_take(struct rp_scan *s, struct rp_at *at);
/* Writes the tokens of what was taken. */
void rp_stretch_write(struct rp_scan *s);
/* n tokens of the scan from number `first` on are plain; `before`: the hash when they came. */
void rp_stretch_learn(struct rp_scan *s, const struct rp_at *at, size_t first, size_t n,
                      const struct rp_hasher *before);

#endif
