/* analyze --classes: the class of each message of a file, JSON lines in and out. Constant memory,
 * no daemon. */
#include "cli/analyze.h"

#include "analyze/analyze.h"
#include "cli/import.h"

enum { LINE_MAX_BYTES = 1 << 20 };

static void write_verdict(const struct rp_fingerprint *p)
{
    struct rp_buf out = {0};
    struct rp_jw w = {.out = &out};
    rp_jw_object(&w);
    rp_jw_m_cstr(&w, "class", p->class_name);
    rp_jw_m_cstr(&w, "group", p->group);
    rp_jw_m_cstr(&w, "action", p->action);
    rp_jw_m_cstr(&w, "rule", p->rule);
    rp_jw_object_end(&w);
    rp_buf_c(&out, '\n');
    (void)fwrite(out.p, 1, out.n, stdout);
    rp_buf_free(&out);
}

static bool classify_line(struct rp_str line, int64_t number, const char *path, struct rp_err *err)
{
    struct rp_arena a = {0};
    struct rp_failure_facts facts = {0};
    struct rp_fingerprint print;
    struct rp_err why;
    bool ok = rp_failure_facts_read(line, &a, &facts, &why);
    if (ok) {
        rp_fingerprint(&a, &facts, &print);
        write_verdict(&print);
    } else {
        (void)rp_fail(err, why.code, "%s:%lld: %s", path, (long long)number, why.message);
    }
    rp_arena_free(&a);
    return ok;
}

struct classes {
    const char *path;
    struct rp_buf line; /* begun in a piece that was read */
    int64_t number;
};

static bool end_line(struct classes *c, struct rp_err *err)
{
    struct rp_str line = rp_str_trim(rp_buf_view(&c->line));
    c->number++;
    if (c->line.overflow)
        return rp_fail(err, RP_E_TOO_LARGE, "%s:%lld: the line is longer than %d bytes", c->path,
                       (long long)c->number, LINE_MAX_BYTES);
    bool ok = line.n == 0 || classify_line(line, c->number, c->path, err);
    c->line.n = 0;
    return ok;
}

static bool take_bytes(void *ctx, struct rp_str bytes, struct rp_err *err)
{
    struct classes *c = ctx;
    while (bytes.n > 0) {
        const char *end = memchr(bytes.p, '\n', bytes.n);
        size_t n = end != NULL ? (size_t)(end - bytes.p) : bytes.n;
        rp_buf_add(&c->line, bytes.p, n);
        if ((end != NULL || c->line.overflow) && !end_line(c, err))
            return false;
        n += end != NULL;
        bytes = (struct rp_str){bytes.p + n, bytes.n - n};
    }
    return true;
}

int classes_file(struct cli *cli, const char *path)
{
    struct classes c = {.path = input_name(path), .line.limit = LINE_MAX_BYTES};
    struct rp_err err;
    bool ok = stream_text(cli, path, take_bytes, &c, &err) && (c.line.n == 0 || end_line(&c, &err));
    rp_buf_free(&c.line);
    if (ok && c.number == 0)
        note(cli, "%s is empty: no messages, no classes.", c.path);
    return ok ? 0 : say_err(cli, &err);
}
