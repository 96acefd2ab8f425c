/* A disk that remembers how it came to be, as a layer over SQLite's own files (an SQLite VFS).
 *
 * What it models. Every write, change of size, sync, creation and deletion that SQLite asks for, of
 * the database file, its log (-wal) and its rollback journal, is passed on and recorded in order.
 * From that record the file image of a power loss after any of its entries is made. What a file's
 * last sync covered is there. What came after it is at the mercy of the image's kind:
 *
 *   LOST   none of it is there;
 *   SOME   each write and each change of size is there or not, by dice;
 *   TORN   as SOME, and each write is torn at the borders of sectors of 512 bytes: a sector is old,
 *          new, or (of the bytes that were being written) rubbish; or the write stops at some byte.
 *
 * In SOME and TORN a file may also have lost its growth, so that what was written behind its old
 * end is gone, or have its new size with zeros where nothing arrived. A name in the folder is as
 * after the folder's last sync (SQLite makes one with the first sync of a new journal); later
 * creations and deletions are there up to some point, for each name by itself, so that an old log
 * may come back and a new one be missing. The shared memory file (-shm) is written through a
 * mapping and never synced: it is absent, or full of rubbish.
 *
 * What it does not model: writes that destroy bytes beside their own range (SQLite relies on
 * powersafe overwrite), and disks that lie about a sync, but for power_swallow and
 * power_break_sync, which prove that a loss is found.
 *
 * One thread. The image is a function of the record, the point, the kind and the seed. */
#ifndef TESTS_FAULTS_POWER_DISK_H
#define TESTS_FAULTS_POWER_DISK_H

#include "unit/store/store_help.h"

enum { POWER_DB, POWER_WAL, POWER_JOURNAL, POWER_NAMES };
enum power_kind { POWER_LOST, POWER_SOME, POWER_TORN, POWER_KINDS };
extern const char *const power_kind_name[POWER_KINDS];

/* From here on SQLite's default files are recorded, until power_off; `path` is the store's. The
 * record and all randomness (store ids, salts of the log) are a function of the seed. */
void power_on(const char *path, uint64_t seed);
void power_off(void);
void power_forget(void);
/* Entries of the record so far; the number of a point. */
size_t power_now(void);
/* Bits 1 << POWER_DB …: syncs of these files are passed on and not believed. */
void power_swallow(unsigned names);

/* The n-th sync from here (1: the next) fails, and what it should have covered never reaches the
 * disk, though reads still see it: so the kernel treats pages that it could not write. `lies`: it
 * says that all is well. */
void power_break_sync(size_t nth, bool lies);
size_t power_syncs(void);

/* Walks the record. A walk holds the disk as it was after `point` entries, 0 at first. */
struct power_walk;
struct power_walk *power_walk_new(void);
void power_walk_free(struct power_walk *w);
void power_walk_to(struct power_walk *w, size_t point);
size_t power_point(const struct power_walk *w);
/* Writes the image as dir/s.db and what belongs to it; returns a hash of what was written. */
uint64_t power_image(struct power_walk *w, enum power_kind kind, uint64_t seed, const char *dir);
/* What the entry before the walk's point was, in words. */
const char *power_words(const struct power_walk *w);

#endif
