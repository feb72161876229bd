/* What Swift cannot import from SQLite: macros that cast, and functions with variable arguments. */
#pragma once
#include <sqlite3.h>
#include <stddef.h>

/* GNU's; string.h shows it only to those who ask for all of GNU. */
extern void *memmem(const void *haystack, size_t count, const void *needle, size_t length);

/* The first place of some bytes among others, NULL when they are not there. */
static inline const void *comfyd_find_bytes(const void *bytes, size_t count, const void *wanted, size_t length) {
    return memmem(bytes, count, wanted, length);
}

/* Binds a copy of a text; NULL is the empty text. */
static inline int comfyd_sqlite_bind_text(sqlite3_stmt *statement, int index, const char *text, sqlite3_uint64 count) {
    return sqlite3_bind_text64(statement, index, text ? text : "", text ? count : 0, SQLITE_TRANSIENT, SQLITE_UTF8);
}

/* Binds a copy of bytes; NULL is the empty blob, not SQL's NULL. */
static inline int comfyd_sqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, sqlite3_uint64 count) {
    return sqlite3_bind_blob64(statement, index, bytes ? bytes : "", bytes ? count : 0, SQLITE_TRANSIENT);
}

/* Foreign keys on; text in double quotes is a name only; the schema may not call unsafe functions nor be edited by hand. */
static inline void comfyd_sqlite_harden(sqlite3 *connection) {
    sqlite3_db_config(connection, SQLITE_DBCONFIG_ENABLE_FKEY, 1, (int *)0);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_DQS_DML, 0, (int *)0);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)0);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1, (int *)0);
    sqlite3_db_config(connection, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, (int *)0);
}
