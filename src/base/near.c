#include "base/near.h"

#include <ctype.h>

enum { LONGEST = 64 };

static bool same(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

size_t rp_edit_distance(struct rp_str a, struct rp_str b)
{
    unsigned d[LONGEST + 1][LONGEST + 1];
    if (a.n > LONGEST || b.n > LONGEST)
        return SIZE_MAX;
    for (unsigned i = 0; i <= a.n; i++)
        d[i][0] = i;
    for (unsigned j = 0; j <= b.n; j++)
        d[0][j] = j;
    for (size_t i = 1; i <= a.n; i++)
        for (size_t j = 1; j <= b.n; j++) {
            unsigned change = d[i - 1][j - 1] + !same(a.p[i - 1], b.p[j - 1]);
            d[i][j] = least(change, least(d[i - 1][j], d[i][j - 1]) + 1);
            if (i > 1 && j > 1 && same(a.p[i - 1], b.p[j - 2]) && same(a.p[i - 2], b.p[j - 1]))
                d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
        }
    return d[a.n][b.n];
}

const char *rp_near(struct rp_str s, const char *(*name)(const void *ctx, size_t i),
                    const void *ctx, size_t n)
{
    const char *best = NULL;
    size_t few = s.n < 4 ? 2 : 2 + s.n / 4; /* as many changes as that make another word */
    for (size_t i = 0; i < n; i++) {
        const char *candidate = name(ctx, i);
        size_t d = candidate != NULL ? rp_edit_distance(s, rp_str_of(candidate)) : SIZE_MAX;
        if (d < few) {
            few = d;
            best = candidate;
        }
    }
    return best;
}
