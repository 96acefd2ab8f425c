/* analyze --templates: the pattern of each line of a file, as a table. Two passes: the patterns are
 * known only when all lines were seen. */
#include "cli/analyze.h"

#include "analyze/miner/miner.h"
#include "cli/import.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct templates {
    struct rp_miner *miner;
    struct rp_buf line; /* of a long one only the beginning */
    struct rp_buf out;
    uint64_t number;
    bool began; /* a line, in the piece that was read */
    void (*take)(struct templates *t, struct rp_str line);
};

static void mine(struct templates *t, struct rp_str line)
{
    (void)rp_miner_add(t->miner, line);
}

/* What would break the table is a blank. */
static void write_cell(struct rp_buf *out, struct rp_str s)
{
    for (size_t i = 0; i < s.n; i++)
        rp_buf_c(out, (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
}

static void write_row(struct templates *t, struct rp_str line)
{
    struct rp_miner_hit hit = rp_miner_find(t->miner, line);
    rp_buf_fmt(&t->out, "%llu\t%u\t", (unsigned long long)t->number, hit.pattern);
    write_cell(&t->out, hit.template);
    rp_buf_c(&t->out, '\n');
    if (t->out.n >= 1 << 16) {
        (void)fwrite(t->out.p, 1, t->out.n, stdout);
        t->out.n = 0;
    }
}

static void end_line(struct templates *t)
{
    t->number++;
    t->take(t, rp_buf_view(&t->line));
    t->line.n = 0;
    t->line.overflow = false;
    t->began = false;
}

static bool take_bytes(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    struct templates *t = ctx;
    (void)err;
    while (bytes.n > 0) {
        const char *end = memchr(bytes.p, '\n', bytes.n);
        size_t n = end != NULL ? (size_t)(end - bytes.p) : bytes.n;
        size_t room = t->line.limit - t->line.n;
        rp_buf_add(&t->line, bytes.p, n < room ? n : room);
        t->began = true;
        if (end != NULL)
            end_line(t);
        n += end != NULL;
        bytes = (struct rp_str){bytes.p + n, bytes.n - n};
    }
    return true;
}

static bool pass(struct cli *cli, struct templates *t, const char *path,
                 void (*take)(struct templates *, struct rp_str), struct rp_err *err)
{
    t->take = take;
    t->number = 0;
    bool ok = stream_text(cli, path, take_bytes, t, err);
    if (t->began)
        end_line(t);
    return ok;
}

static bool keep_bytes(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    return fwrite(bytes.p, 1, bytes.n, ctx) == bytes.n ||
           rp_fail(err, RP_E_IO, "cannot keep the input: %s", strerror(errno));
}

static bool is_file(const char *path)
{
    struct stat st;
    return strcmp(path, "-") != 0 && (stat(path, &st) != 0 || S_ISREG(st.st_mode));
}

/* What can be read only once (standard input, a pipe) is kept in a file without a name: all of it,
 * or what came before a damage, and then *err is set and *whole false. */
static const char *twice_readable(struct cli *cli, const char *path, FILE **kept, bool *whole,
                                  struct rp_err *err)
{
    *whole = true;
    if (is_file(path))
        return path;
    if ((*kept = tmpfile()) == NULL) {
        (void)rp_fail(err, RP_E_IO, "cannot keep the input: %s", strerror(errno));
        return NULL;
    }
    *whole = stream_text(cli, path, keep_bytes, *kept, err);
    if (fflush(*kept) != 0 || (!*whole && ftello(*kept) == 0))
        return NULL;
    return rp_cstr(&cli->arena, rp_str_fmt(&cli->arena, "/proc/self/fd/%d", fileno(*kept)));
}

static void say_other(struct cli *cli, const struct templates *t)
{
    struct rp_miner_stats s = rp_miner_stats(t->miner);
    if (s.other > 0 && !cli->quiet)
        (void)fprintf(stderr,
                      "%llu of %llu lines have nothing in common with others and found no room: "
                      "pattern 0\n",
                      (unsigned long long)s.other, (unsigned long long)s.lines);
}

int templates_file(struct cli *cli, const char *path)
{
    struct templates t = {.line.limit = RP_MINER_LINE_MAX + 1, .miner = rp_miner_new()};
    struct rp_err err, again;
    FILE *kept = NULL;
    int code = 0;
    bool whole;
    const char *from = twice_readable(cli, path, &kept, &whole, &err);
    bool ok = from != NULL && pass(cli, &t, from, mine, whole ? &err : &again) && whole;
    if (from != NULL) { /* what was read before a damage counts */
        rp_miner_refine(t.miner);
        (void)pass(cli, &t, from, write_row, &again);
        if (t.out.n > 0)
            (void)fwrite(t.out.p, 1, t.out.n, stdout);
        say_other(cli, &t);
    }
    if (!ok)
        code = say_err(cli, &err);
    else if (t.number == 0)
        note(cli, "%s is empty: no lines, no patterns.", input_name(path));
    if (kept != NULL)
        (void)fclose(kept);
    rp_buf_free(&t.out);
    rp_buf_free(&t.line);
    rp_miner_free(t.miner);
    return code;
}
