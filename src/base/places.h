/* Where a daemon keeps its things, and where its clients look for it, when nobody says: in the
 * system's folders for root, and for a user who may write there (the package's unit); in the user's
 * own folders for everybody else. Any thread. */
#ifndef RP_BASE_PLACES_H
#define RP_BASE_PLACES_H

#include "base/str.h"

#define RP_SYSTEM_STATE  "/var/lib/reprise"
#define RP_SYSTEM_STORE  "sqlite://" RP_SYSTEM_STATE "/reprise.db"
#define RP_SYSTEM_SOCKET "/run/reprise/reprise.sock"

/* $XDG_STATE_HOME/reprise or ~/.local/state/reprise; NULL where neither is set. */
const char *rp_place_own_state(struct rp_arena *a);
/* $XDG_RUNTIME_DIR/reprise.sock, else reprise.sock in the state folder; NULL where none is set. */
const char *rp_place_own_socket(struct rp_arena *a);
/* Whether this process may make files in the folder that holds `file`. */
bool rp_place_may_hold(const char *file);
/* Makes a folder and those above it, 0700 each; true when it is there. errno says why not. */
bool rp_place_make(const char *folder);

#endif
