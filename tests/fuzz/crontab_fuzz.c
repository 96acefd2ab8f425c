/* Any bytes as a crontab: what is made of them loads as a configuration. */
#include "config/config.h"
#include "config/crontab.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct rp_mistakes mistakes;
    if (size == 0)
        return 0;
    struct rp_crontab_options o = {.system_form = (data[0] & 1) != 0, .name = RP_STR("fuzz")};
    struct rp_str text = {(const char *)data + 1, size - 1};
    struct rp_crontab tab;
    if (rp_crontab_import(text, &o, &tab, NULL)) {
        struct rp_config *c = rp_config_parse(tab.yaml, RP_STR("yaml"), NULL, &mistakes);
        if (c == NULL || c->n_types != tab.n_jobs) {
            struct rp_buf out = {0};
            rp_mistakes_print(&mistakes, RP_STR("yaml"), &out);
            (void)fprintf(stderr, "%.*s\n%s\n", RP_FMT(tab.yaml), out.n > 0 ? out.p : "");
            abort();
        }
        rp_config_free(c);
    }
    rp_crontab_free(&tab);
    return 0;
}
