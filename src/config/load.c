/* From file or text to struct rp_config: the root, defaults, jobs, look-ups by name. */
#include "config/internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_defaults(struct load *l, const struct row *row, const struct node *v,
                          const struct owners *o)
{
    (void)o;
    struct owners proto = {.of = {[OF_TYPE] = &l->type_proto, [OF_SCHEDULE] = &l->schedule_proto}};
    return rp_map_want(l, row->key, v) && rp_section_read(l, IN_JOB, v, &proto, true);
}
const struct kind rp_kind_defaults = {"map", read_defaults};

static bool one_job(struct load *l, const struct child *c, struct rp_type *t, struct rp_schedule *s)
{
    struct owners o = {.of = {[OF_TYPE] = t, [OF_SCHEDULE] = s}};
    const struct node *v = c->value;
    *t = l->type_proto;
    *s = l->schedule_proto;
    t->name = s->name = s->type = rp_str_dup(l->keep, c->key->text);
    bool ok = rp_name_want(l, c->key, "job");
    if (!rp_map_want(l, c->key->text.p, v))
        return false;
    ok = rp_section_read(l, IN_JOB, v, &o, false) && ok;
    if (rp_node_find(v, "schedule") != NULL)
        ok = rp_schedule_finish(l, v, s) && ok;
    ok = rp_job_finish(l, v, t) && ok;
    t->source = rp_job_source(l, c);
    return ok;
}

/* How far lines were counted: places that are asked for mostly rise. */
struct lines {
    size_t pos;
    int line;
};

static int line_of(const struct load *l, struct lines *c, size_t pos)
{
    if (c->line == 0 || pos < c->pos)
        *c = (struct lines){.line = 1};
    for (; c->pos < pos && c->pos < l->text.n; c->pos++)
        c->line += l->text.p[c->pos] == '\n';
    return c->line;
}

/* What takes a type's runs back is a type of its own, with its limits and needs. */
static bool add_compensations(struct load *l, struct rp_config *c, const struct node *jobs)
{
    bool ok = true;
    for (size_t i = 0, n = c->n_types; i < n; i++) {
        const struct rp_type *of = c->types[i];
        if (of->compensate.n == 0)
            continue;
        struct rp_type *t = RP_NEW(l->keep, struct rp_type);
        *t = *of;
        t->name = rp_type_compensation(l->keep, of->name);
        t->run = of->compensate;
        t->compensate = (struct rp_strs){0};
        t->compensates = of->name;
        t->description = t->side_effects = RP_NONE;
        t->stdin_text = RP_NONE;
        t->expect = (struct rp_contract){.min_bytes = -1};
        t->expect_every_us = t->expect_within_us = 0;
        t->replay_key = RP_REPLAY_KEY_OWN;
        const struct child *taken = rp_node_find(jobs, rp_cstr(l->tmp, t->name));
        if (taken != NULL)
            ok = rp_mistake(l, taken->key->from, "%.*s is the name of what compensates %.*s",
                            RP_FMT(t->name), RP_FMT(of->name));
        else
            c->types[c->n_types++] = t;
    }
    return ok;
}

static size_t count_compensations(const struct node *jobs)
{
    size_t n = 0;
    for (const struct child *c = jobs->first; c != NULL; c = c->next)
        n += rp_node_find(c->value, "compensate") != NULL;
    return n;
}

static bool read_jobs(struct load *l, const struct row *row, const struct node *v,
                      const struct owners *o)
{
    struct rp_config *c = o->of[OF_CONFIG];
    struct lines lines = {0};
    bool ok = rp_map_want(l, row->key, v);
    struct rp_type *types = RP_NEW_N(l->keep, struct rp_type, v->n);
    c->types = RP_NEW_N(l->keep, struct rp_type *, v->n + count_compensations(v));
    c->schedules = RP_NEW_N(l->keep, struct rp_schedule, v->n);
    for (const struct child *each = ok ? v->first : NULL; each != NULL; each = each->next) {
        struct rp_schedule *s = &c->schedules[c->n_schedules];
        struct rp_type *t = c->types[c->n_types] = &types[c->n_types];
        c->n_types++;
        ok = one_job(l, each, t, s) && ok;
        const struct child *schedule = rp_node_find(each->value, "schedule");
        if (schedule == NULL)
            continue;
        s->line = line_of(l, &lines, schedule->value->from);
        c->n_schedules++;
    }
    ok = add_compensations(l, c, v) && ok;
    rp_config_sort(c);
    return ok;
}
const struct kind rp_kind_jobs = {"map of maps", read_jobs};

/* ---- look-ups ---- every struct with a name has it as its first member, so one comparison serves
 * all */

_Static_assert(offsetof(struct rp_schedule, name) == 0, "name first");
_Static_assert(offsetof(struct rp_dep, name) == 0, "name first");
_Static_assert(offsetof(struct rp_queue_conf, name) == 0, "name first");

static int by_name(const void *a, const void *b)
{
    return rp_str_cmp(*(const struct rp_str *)a, *(const struct rp_str *)b);
}

static int by_name_of(const void *a, const void *b)
{
    const struct rp_type *const *x = a, *const *y = b;
    return rp_str_cmp((*x)->name, (*y)->name);
}

static void sort(void *base, size_t n, size_t size)
{
    if (n > 1)
        qsort(base, n, size, by_name);
}

void rp_config_sort(struct rp_config *c)
{
    if (c->n_types > 1)
        qsort(c->types, c->n_types, sizeof(struct rp_type *), by_name_of);
    sort(c->schedules, c->n_schedules, sizeof *c->schedules);
    sort(c->deps, c->n_deps, sizeof *c->deps);
    sort(c->queues, c->n_queues, sizeof *c->queues);
}

static const void *find(struct rp_str name, const void *base, size_t n, size_t size)
{
    return n > 0 ? bsearch(&name, base, n, size, by_name) : NULL;
}

const struct rp_type *rp_config_type(const struct rp_config *c, struct rp_str name)
{
    const struct rp_type key = {.name = name}, *of = &key;
    struct rp_type *const *t =
        c->n_types > 0 ? bsearch(&of, c->types, c->n_types, sizeof *t, by_name_of) : NULL;
    return t != NULL ? *t : NULL;
}

const struct rp_schedule *rp_config_schedule(const struct rp_config *c, struct rp_str name)
{
    return find(name, c->schedules, c->n_schedules, sizeof *c->schedules);
}

const struct rp_dep *rp_config_dep(const struct rp_config *c, struct rp_str name)
{
    return find(name, c->deps, c->n_deps, sizeof *c->deps);
}

/* ---- loading ---- */

static struct rp_str host_name(struct rp_arena *keep)
{
    char name[121] = "";
    (void)gethostname(name, sizeof name - 1);
    struct rp_str s = rp_str_of(name);
    return rp_config_name_valid(s) ? rp_str_dup(keep, s) : RP_STR("localhost");
}

static void prepare(struct load *l)
{
    struct rp_config *c = l->config;
    struct owners root = {.of[OF_CONFIG] = c};
    struct owners job = {.of = {[OF_TYPE] = &l->type_proto, [OF_SCHEDULE] = &l->schedule_proto}};
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    c->node = host_name(l->keep);
    c->max_running = 2 * (processors > 0 ? processors : 1);
    rp_section_defaults(l, IN_ROOT, &root);
    rp_section_defaults(l, IN_JOB, &job);
    l->type_proto.expect.min_bytes = -1;
}

static bool read_root(struct load *l)
{
    struct owners root = {.of[OF_CONFIG] = l->config};
    struct node *n = rp_tree_read(l);
    if (n == NULL)
        return false;
    return rp_map_want(l, "configuration", n) && rp_section_read(l, IN_ROOT, n, &root, false);
}

struct rp_config *rp_config_parse(struct rp_str text, struct rp_str path,
                                  const struct rp_config_world *world, struct rp_mistakes *mistakes)
{
    struct rp_arena tmp = {0};
    struct rp_config *c = rp_xcalloc(1, sizeof *c);
    struct load l = {.tmp = &tmp,
                     .keep = &c->arena,
                     .text = text,
                     .config = c,
                     .world = world,
                     .mistakes = mistakes};
    memset(mistakes, 0, sizeof *mistakes);
    if (rp_str_starts(text, "\xEF\xBB\xBF")) { /* a byte order mark says nothing in UTF-8 */
        l.text.p += 3;
        l.text.n -= 3;
    }
    c->path = rp_str_dup(&c->arena, path.p != NULL ? path : RP_STR(""));
    prepare(&l);
    if (text.n > RP_CONFIG_BYTES_MAX)
        (void)rp_mistake(&l, 0, "larger than %d MB", RP_CONFIG_BYTES_MAX >> 20);
    else
        (void)read_root(&l);
    rp_mistakes_sort(mistakes);
    rp_arena_free(&tmp);
    if (mistakes->errors == 0)
        return c;
    rp_config_free(c);
    return NULL;
}

void rp_config_free(struct rp_config *c)
{
    if (c == NULL)
        return;
    rp_arena_free(&c->arena);
    free(c);
}

static bool read_file(const char *path, struct rp_buf *out, struct rp_err *err)
{
    char part[16384];
    ssize_t n = -1;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    out->limit = RP_CONFIG_BYTES_MAX + 1; /* one more than allowed shows that it is too large */
    if (fd >= 0 && fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
        errno = EISDIR;
    else
        while (fd >= 0 && (n = read(fd, part, sizeof part)) != 0 && !out->overflow)
            if (n > 0)
                rp_buf_add(out, part, (size_t)n);
            else if (errno != EINTR)
                break;
    if (n < 0) {
        bool none = errno == ENOENT;
        (void)rp_fail(err, RP_E_CONFIG, "cannot be read: %s", strerror(errno));
        if (none)
            (void)rp_hint(err, "write it, or a reprise.yaml here, or name another by --config");
    }
    if (fd >= 0)
        (void)close(fd);
    return n >= 0;
}

struct rp_config *rp_config_load(const char *path, const struct rp_config_world *world,
                                 struct rp_mistakes *mistakes)
{
    struct rp_buf text = {0};
    struct rp_config *c = NULL;
    memset(mistakes, 0, sizeof *mistakes);
    if (!read_file(path, &text, &mistakes->error[0].err))
        mistakes->errors = 1;
    else if (text.overflow) {
        mistakes->errors = 1;
        (void)rp_fail(&mistakes->error[0].err, RP_E_CONFIG, "larger than %d MB",
                      RP_CONFIG_BYTES_MAX >> 20);
    } else {
        c = rp_config_parse(rp_buf_view(&text), rp_str_of(path), world, mistakes);
    }
    rp_buf_free(&text);
    return c;
}
