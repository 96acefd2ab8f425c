/* The close match of a mistyped zone name. Only asked after a refusal, so it walks the folder anew.
 */
#include "base/near.h"
#include "core/internal.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

enum { DEPTH = 3, TYPOS_MOST = 3 };

struct search {
    struct rp_str asked;
    size_t best;
    char *out;
};

static struct rp_str last_part(struct rp_str s)
{
    for (size_t i = s.n; i > 0; i--)
        if (s.p[i - 1] == '/')
            return (struct rp_str){s.p + i, s.n - i};
    return s;
}

/* `berlin` and `Germany/Berlin` are as good as one typo. */
static size_t badness(struct rp_str asked, struct rp_str name)
{
    size_t whole = rp_edit_distance(asked, name);
    return whole > 0 && rp_edit_distance(last_part(asked), last_part(name)) == 0 ? 1 : whole;
}

static void consider(struct search *s, const char *name)
{
    struct rp_str str = rp_str_of(name);
    if (str.n >= RP_ZONE_NAME || strchr(name, '.') != NULL)
        return;
    size_t n = badness(s->asked, str);
    /* The order of a folder is no order: among equals the first by name. */
    if (n > s->best || (n == s->best && strcmp(name, s->out) >= 0))
        return;
    s->best = n;
    memcpy(s->out, name, str.n + 1);
}

static bool skipped(const char *top, const char *name)
{
    return name[0] == '.' ||
           (top[0] == '\0' && (strcmp(name, "posix") == 0 || strcmp(name, "right") == 0 ||
                               strcmp(name, "localtime") == 0 || strcmp(name, "posixrules") == 0));
}

static void walk(struct search *s, const char *dir, const char *prefix, int depth)
{
    char path[4096], name[512];
    struct dirent *entry;
    DIR *d = opendir(dir);
    while (d != NULL && (entry = readdir(d)) != NULL) {
        struct stat st;
        int n = snprintf(path, sizeof path, "%s/%s", dir, entry->d_name);
        int m = snprintf(name, sizeof name, "%s%s", prefix, entry->d_name);
        if (skipped(prefix, entry->d_name) || n >= (int)sizeof path || m >= (int)sizeof name - 1 ||
            stat(path, &st) != 0)
            continue;
        if (S_ISREG(st.st_mode)) {
            consider(s, name);
        } else if (S_ISDIR(st.st_mode) && depth < DEPTH) {
            memcpy(name + m, "/", 2);
            walk(s, path, name, depth + 1);
        }
    }
    if (d != NULL)
        (void)closedir(d);
}

bool rp_zone_suggest(const char *dir, struct rp_str asked, char out[RP_ZONE_NAME])
{
    struct search s = {asked, SIZE_MAX, out};
    out[0] = '\0';
    if (asked.n == 0 || asked.n >= RP_ZONE_NAME)
        return false;
    walk(&s, dir, "", 1);
    return s.best <= TYPOS_MOST && s.best * 2 < asked.n;
}
