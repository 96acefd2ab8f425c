#include "base/places.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Relative values are to be ignored (XDG Base Directory Specification). */
static const char *absolute(const char *variable)
{
    const char *value = getenv(variable);
    return value != NULL && value[0] == '/' ? value : NULL;
}

const char *rp_place_own_state(struct rp_arena *a)
{
    const char *state = absolute("XDG_STATE_HOME"), *home = absolute("HOME");
    if (state != NULL)
        return rp_str_fmt(a, "%s/reprise", state).p;
    return home != NULL ? rp_str_fmt(a, "%s/.local/state/reprise", home).p : NULL;
}

const char *rp_place_own_socket(struct rp_arena *a)
{
    const char *runtime = absolute("XDG_RUNTIME_DIR");
    const char *folder = runtime != NULL ? runtime : rp_place_own_state(a);
    return folder != NULL ? rp_str_fmt(a, "%s/reprise.sock", folder).p : NULL;
}

bool rp_place_may_hold(const char *file)
{
    char folder[PATH_MAX];
    const char *slash = strrchr(file, '/');
    if (slash == NULL || (size_t)(slash - file) >= sizeof folder)
        return false;
    (void)snprintf(folder, sizeof folder, "%.*s", (int)(slash - file), file);
    return access(folder[0] != '\0' ? folder : "/", W_OK) == 0;
}

bool rp_place_make(const char *folder)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s", folder) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        bool ok = mkdir(path, 0700) == 0 || errno == EEXIST;
        *slash = '/';
        if (!ok)
            return false;
    }
    return mkdir(path, 0700) == 0 || errno == EEXIST;
}
