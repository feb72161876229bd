/* Macros of SQLite in a form that Swift can use. */
#pragma once
#include <sqlite3.h>

/* Makes SQLite copy a bound text or blob. */
static inline sqlite3_destructor_type comfyd_sqlite_transient(void) { return SQLITE_TRANSIENT; }
