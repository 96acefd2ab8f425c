/* Zone files of the tests' own, in a folder that $TZDIR names. */
#ifndef RP_TESTS_TZIF_H
#define RP_TESTS_TZIF_H

#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static inline void tzif_header(struct rp_buf *b, char version, unsigned times, unsigned types,
                               unsigned chars)
{
    const unsigned counts[] = {0, 0, 0, times, types, chars};
    rp_buf_add(b, "TZif", 4);
    rp_buf_c(b, version);
    for (int i = 0; i < 15; i++)
        rp_buf_c(b, 0);
    for (int i = 0; i < 6; i++)
        for (int shift = 24; shift >= 0; shift -= 8)
            rp_buf_c(b, (char)(counts[i] >> shift));
}

/* A zone without transitions, "TST" at `minutes` east of UTC, then by the footer's rule. */
static inline struct rp_buf tzif_made(char version, int minutes, const char *footer)
{
    struct rp_buf b = {0};
    int seconds = minutes * 60;
    for (int block = 0; block < 2; block++) {
        tzif_header(&b, version, 0, 1, 4);
        for (int shift = 24; shift >= 0; shift -= 8)
            rp_buf_c(&b, (char)(seconds >> shift));
        rp_buf_add(&b, "\0\0TST", 6);
    }
    rp_buf_fmt(&b, "\n%s\n", footer);
    return b;
}

/* As a package does it: a new file takes the old one's place. */
static inline void tzif_put(const char *path, struct rp_str bytes)
{
    char fresh[300];
    (void)snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *f = fopen(fresh, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(fresh, path), 0);
}

/* The zone Testland of a folder of one's own. */
struct testland {
    char dir[64], path[96];
};

static inline void testland_put(const struct testland *t, int minutes)
{
    struct rp_buf b = tzif_made('2', minutes, "");
    tzif_put(t->path, rp_buf_view(&b));
    rp_buf_free(&b);
}

static inline void testland_new(struct testland *t, int minutes)
{
    (void)snprintf(t->dir, sizeof t->dir, "/tmp/testland_XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    (void)snprintf(t->path, sizeof t->path, "%s/Testland", t->dir);
    assert_int_equal(setenv("TZDIR", t->dir, 1), 0);
    testland_put(t, minutes);
}

static inline void testland_free(const struct testland *t)
{
    assert_int_equal(unsetenv("TZDIR"), 0);
    (void)unlink(t->path);
    assert_int_equal(rmdir(t->dir), 0);
}

#endif
