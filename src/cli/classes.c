/* analyze --classes: the class of each message of a file, JSON lines in and out. Constant memory,
 * no daemon. */
#include "cli/analyze.h"

#include "analyze/analyze.h"

#include <errno.h>
#include <stdlib.h>

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

int classes_file(struct cli *cli, const char *path)
{
    struct rp_err err;
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    char *text = NULL;
    size_t cap = 0;
    int64_t number = 0;
    int code = 0;
    if (in == NULL) {
        (void)rp_fail(&err, RP_E_IO, "cannot read %s: %s", path, strerror(errno));
        return say_err(cli, &err);
    }
    for (ssize_t n; code == 0 && (n = getline(&text, &cap, in)) > 0;) {
        struct rp_str line = rp_str_trim((struct rp_str){text, (size_t)n});
        number++;
        if (line.n > 0 && !classify_line(line, number, path, &err))
            code = say_err(cli, &err);
    }
    free(text);
    if (in != stdin)
        (void)fclose(in);
    return code;
}
