#include "base/library.h"

#include <dlfcn.h>

static bool open_it(struct rp_library *l, struct rp_err *err)
{
    void *library = dlopen(l->soname, RTLD_NOW | RTLD_LOCAL);
    bool ok = library != NULL;
    for (size_t i = 0; ok && i < l->n; i++)
        ok = (l->functions[i] = dlsym(library, l->names[i])) != NULL;
    if (ok)
        return true;
    const char *why = dlerror();
    (void)rp_fail(err, RP_E_INTERNAL, "a library cannot be used: %s",
                  why != NULL ? why : l->soname);
    return rp_hint(err, "install the package %s", l->package);
}

bool rp_library_open(struct rp_library *l, struct rp_err *err)
{
    (void)pthread_mutex_lock(&l->lock);
    bool ok = l->open || open_it(l, err);
    l->open = ok;
    (void)pthread_mutex_unlock(&l->lock);
    return ok;
}
