/* Any bytes as a configuration: loaded, or refused with a mistake that has a place in the text. */
#include "config/config.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *variable(void *ctx, const char *name)
{
    (void)ctx;
    return name[0] == 'X' ? "value" : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rp_mistakes mistakes;
    const struct rp_config_world world = {.variable = variable};
    struct rp_str text = {(const char *)data, size};
    struct rp_config *c = rp_config_parse(text, RP_STR("fuzz"), &world, &mistakes);
    if ((c == NULL) != (mistakes.errors > 0))
        abort();
    for (size_t i = 0; i < mistakes.errors; i++)
        if (mistakes.error[i].line < 1 || mistakes.error[i].column < 1)
            abort();
    for (size_t i = 0; c != NULL && i < c->n_deps; i++) {
        struct rp_arena a = {0};
        (void)rp_dep_public(&a, &c->deps[i]);
        rp_arena_free(&a);
    }
    rp_config_free(c);
    return 0;
}
