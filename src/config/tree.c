/* YAML text to nodes. libfyaml's events are used, not its document: events carry the position of
 * every node, also of maps and lists, and let limits hold while reading. */
#include "config/internal.h"

#include <libfyaml.h>
#include <stdlib.h>

enum { DEPTH_MAX = 32, NODES_MAX = 500000, ANCHORS_MAX = 200, BYTES_A_VALUE = 16 };

struct anchor {
    struct rp_str name;
    struct node *node;
    bool open; /* its node is still being read: an alias would hold itself */
    struct anchor *next;
};

struct builder {
    struct load *l;
    struct node *root;
    struct node *stack[DEPTH_MAX];
    struct node *key[DEPTH_MAX]; /* key that waits for its value, of maps */
    size_t depth, anchors;
    struct anchor *anchor; /* newest first: a name may be given again */
    size_t last;           /* position for what has none of its own */
    size_t documents;
};

bool rp_node_is_null(const struct node *n)
{
    return n->kind == NODE_SCALAR && n->plain &&
           (n->raw.n == 0 || rp_str_is(n->raw, "~") || rp_str_is(n->raw, "null") ||
            rp_str_is(n->raw, "Null") || rp_str_is(n->raw, "NULL"));
}

struct child *rp_node_find(const struct node *map, const char *key)
{
    for (struct child *c = map->kind == NODE_MAP ? map->first : NULL; c != NULL; c = c->next)
        if (rp_str_is(c->key->text, key))
            return c;
    return NULL;
}

static void append(struct builder *b, struct node *parent, struct node *key, struct node *value)
{
    struct child *c = RP_NEW(b->l->tmp, struct child);
    *c = (struct child){.key = key, .value = value};
    if (parent->last != NULL)
        parent->last->next = c;
    else
        parent->first = c;
    parent->last = c;
    parent->n++;
    parent->weight += value->weight + (key != NULL);
}

/* Puts a node that is complete where it belongs: key or value of the open map, item of the open
 * list, or root. */
static bool place(struct builder *b, struct node *n)
{
    if (b->depth == 0) {
        b->root = n;
        return true;
    }
    struct node *parent = b->stack[b->depth - 1], **key = &b->key[b->depth - 1];
    if (parent->kind == NODE_MAP && *key == NULL) {
        if (n->kind != NODE_SCALAR)
            return rp_mistake(b->l, n->from, "a key must be a plain text, found a map or list");
        *key = n;
        return true;
    }
    append(b, parent, *key, n);
    *key = NULL;
    if (parent->weight > NODES_MAX)
        return rp_mistake(b->l, n->from,
                          "more than %d values, long texts and aliases counted as several",
                          NODES_MAX);
    return true;
}

static int by_key(const void *a, const void *b)
{
    const struct node *x = (*(const struct child *const *)a)->key;
    const struct node *y = (*(const struct child *const *)b)->key;
    int c = rp_str_cmp(x->text, y->text);
    return c != 0 ? c : (x->from > y->from) - (x->from < y->from);
}

static bool keys_differ(struct builder *b, const struct node *map)
{
    struct child **all = rp_xcalloc(map->n, sizeof(struct child *));
    size_t n = 0;
    bool ok = true;
    for (struct child *c = map->first; c != NULL; c = c->next)
        all[n++] = c;
    qsort(all, n, sizeof(struct child *), by_key);
    for (size_t i = 1; i < n; i++)
        if (rp_str_eq(all[i - 1]->key->text, all[i]->key->text))
            ok =
                rp_mistake(b->l, all[i]->key->from, "key %s is given twice", rp_shown(all[i]->key));
    free(all);
    return ok;
}

static bool anchor_add(struct builder *b, struct fy_token *token, struct node *n)
{
    if (token == NULL)
        return true;
    if (++b->anchors > ANCHORS_MAX)
        return rp_mistake(b->l, n->from, "more than %d anchors", ANCHORS_MAX);
    size_t len = 0;
    const char *text = fy_token_get_text(token, &len);
    struct anchor *a = RP_NEW(b->l->tmp, struct anchor);
    *a = (struct anchor){.name = rp_str_dup(b->l->tmp, (struct rp_str){text, len}),
                         .node = n,
                         .open = n->kind != NODE_SCALAR,
                         .next = b->anchor};
    b->anchor = a;
    return true;
}

static bool add_alias(struct builder *b, struct fy_event *e)
{
    size_t len = 0;
    const char *text = fy_token_get_text(e->alias.anchor, &len);
    struct rp_str name = {text, len};
    for (struct anchor *a = b->anchor; a != NULL; a = a->next) {
        if (!rp_str_eq(a->name, name))
            continue;
        if (a->open)
            return rp_mistake(b->l, b->last, "alias *%.*s holds itself", RP_FMT(name));
        return place(b, a->node);
    }
    return rp_mistake(b->l, b->last, "no anchor &%.*s before this alias", RP_FMT(name));
}

static bool no_tag(struct builder *b, struct fy_token *tag)
{
    const struct fy_mark *at = tag != NULL ? fy_token_start_mark(tag) : NULL;
    if (tag == NULL)
        return true;
    return rp_mistake(b->l, at != NULL ? at->input_pos : b->last,
                      "tags (!…) have no meaning in a configuration");
}

static struct node *node_new(struct builder *b, enum node_kind kind, struct fy_event *e)
{
    struct node *n = RP_NEW(b->l->tmp, struct node);
    const struct fy_mark *from = fy_event_start_mark(e), *to = fy_event_end_mark(e);
    n->kind = kind;
    n->weight = 1;
    n->from = n->to = b->last;
    if (from != NULL && to != NULL) {
        n->from = from->input_pos;
        n->to = to->input_pos;
    }
    return n;
}

static void read_text(struct builder *b, struct fy_token *value, struct node *n)
{
    enum fy_scalar_style style = fy_token_scalar_style(value);
    size_t len = 0;
    n->plain = style == FYSS_PLAIN;
    if (style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) {
        struct rp_str source = {b->l->text.p + n->from, n->to - n->from};
        n->raw = rp_quoted_text(b->l->tmp, source, style == FYSS_DOUBLE_QUOTED);
    } else {
        const char *text = fy_token_get_text(value, &len);
        n->raw = rp_str_dup(b->l->tmp,
                            (struct rp_str){text != NULL ? text : "", text != NULL ? len : 0});
    }
    n->text = n->raw;
}

static bool add_scalar(struct builder *b, struct fy_event *e)
{
    struct node *n = node_new(b, NODE_SCALAR, e);
    read_text(b, e->scalar.value, n);
    if (!no_tag(b, e->scalar.tag))
        return false;
    if (memchr(n->raw.p, '\0', n->raw.n) != NULL)
        return rp_mistake(b->l, n->from, "a text must not hold the character NUL");
    bool is_key =
        b->depth > 0 && b->stack[b->depth - 1]->kind == NODE_MAP && b->key[b->depth - 1] == NULL;
    if (!is_key)
        n->unread = !rp_expand(b->l, n);    /* its mistake is kept; the tree is still whole */
    n->weight += n->text.n / BYTES_A_VALUE; /* so that aliases of long texts are no bomb either */
    return anchor_add(b, e->scalar.anchor, n) && place(b, n);
}

static bool open_node(struct builder *b, enum node_kind kind, struct fy_event *e,
                      struct fy_token *tag, struct fy_token *anchor)
{
    struct node *n = node_new(b, kind, e);
    if (b->depth == DEPTH_MAX)
        return rp_mistake(b->l, n->from, "nested deeper than %d levels", DEPTH_MAX);
    if (!no_tag(b, tag) || !anchor_add(b, anchor, n))
        return false;
    b->key[b->depth] = NULL;
    b->stack[b->depth++] = n;
    return true;
}

static bool close_node(struct builder *b, struct fy_event *e)
{
    if (b->depth == 0) /* libfyaml closes nothing that it has not opened */
        return false;
    const struct fy_mark *end = fy_event_end_mark(e);
    struct node *n = b->stack[--b->depth];
    if (end != NULL)
        n->to = end->input_pos;
    for (struct anchor *a = b->anchor; a != NULL; a = a->next)
        if (a->node == n)
            a->open = false;
    if (n->kind == NODE_MAP)
        (void)keys_differ(b, n); /* kept; reading goes on to find more */
    return place(b, n);
}

static bool take(struct builder *b, struct fy_event *e)
{
    const struct fy_mark *at = fy_event_start_mark(e);
    if (at != NULL)
        b->last = at->input_pos;
    switch (e->type) {
    case FYET_DOCUMENT_START:
        if (++b->documents > 1)
            return rp_mistake(b->l, b->last, "a second document begins here; only one is read");
        return true;
    case FYET_SCALAR:
        return add_scalar(b, e);
    case FYET_ALIAS:
        return add_alias(b, e);
    case FYET_MAPPING_START:
        return open_node(b, NODE_MAP, e, e->mapping_start.tag, e->mapping_start.anchor);
    case FYET_SEQUENCE_START:
        return open_node(b, NODE_LIST, e, e->sequence_start.tag, e->sequence_start.anchor);
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        return close_node(b, e);
    default:
        return true;
    }
}

/* Byte of a line and column (in characters, both from 1) that libfyaml gives with an error. */
static size_t byte_at(struct rp_str text, int line, int column)
{
    size_t i = 0;
    for (; line > 1 && i < text.n; i++)
        line -= text.p[i] == '\n';
    for (; column > 1 && i < text.n && text.p[i] != '\n'; i++)
        column -= i + 1 == text.n || ((unsigned char)text.p[i + 1] & 0xC0) != 0x80;
    return i;
}

static void syntax_mistakes(struct load *l, struct fy_diag *diag)
{
    void *it = NULL;
    bool said = false;
    for (struct fy_diag_error *e; (e = fy_diag_errors_iterate(diag, &it)) != NULL; said = true)
        (void)rp_mistake(l, byte_at(l->text, e->line, e->column), "not valid YAML: %s", e->msg);
    if (!said)
        (void)rp_mistake(l, 0, "not valid YAML");
    (void)rp_mistake_hint(l, "check the indentation (spaces only), quotes and brackets here and in "
                             "the line before");
}

static bool run(struct builder *b, struct fy_parser *parser, struct fy_diag *diag)
{
    bool ok = true;
    for (struct fy_event *e; ok && (e = fy_parser_parse(parser)) != NULL;) {
        ok = take(b, e);
        fy_parser_event_free(parser, e);
    }
    if (ok && fy_parser_get_stream_error(parser)) {
        syntax_mistakes(b->l, diag);
        ok = false;
    }
    return ok;
}

/* Length of the UTF-8 character at i, 0 if there is none. */
static size_t char_len(struct rp_str text, size_t i)
{
    for (size_t n = 1; n <= 4 && n <= text.n - i; n++)
        if (rp_utf8_valid((struct rp_str){text.p + i, n}))
            return n;
    return 0;
}

/* Bytes that YAML does not allow, said with their place: libfyaml would stop without one. */
static bool text_clean(struct load *l)
{
    for (size_t i = 0; i < l->text.n;) {
        unsigned char c = (unsigned char)l->text.p[i];
        size_t n = c < 0x80 ? 1 : char_len(l->text, i);
        if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7F)
            return rp_mistake(l, i, "control character 0x%02x", c);
        if (n == 0)
            return rp_mistake(l, i, "byte 0x%02x is not UTF-8", c);
        i += n;
    }
    return true;
}

struct node *rp_tree_read(struct load *l)
{
    struct builder b = {.l = l};
    struct fy_diag_cfg dc;
    if (!text_clean(l))
        return NULL;
    fy_diag_cfg_default(&dc);
    dc.fp = NULL;
    dc.level = FYET_ERROR;
    struct fy_diag *diag = fy_diag_create(&dc);
    fy_diag_set_collect_errors(diag, true);
    struct fy_parse_cfg cfg = {.flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG |
                                        FYPCF_DEFAULT_VERSION_1_2 | FYPCF_JSON_NONE,
                               .diag = diag};
    struct fy_parser *parser = fy_parser_create(&cfg);
    bool ok = parser != NULL && diag != NULL &&
              fy_parser_set_string(parser, l->text.n > 0 ? l->text.p : "", l->text.n) == 0 &&
              run(&b, parser, diag);
    fy_parser_destroy(parser);
    fy_diag_destroy(diag);
    if (!ok && l->mistakes->errors == 0)
        (void)rp_mistake(l, 0, "cannot be parsed");
    if (ok && b.root == NULL) {
        b.root = RP_NEW(l->tmp, struct node);
        b.root->kind = NODE_MAP;
    }
    return ok ? b.root : NULL;
}
