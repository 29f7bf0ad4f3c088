#pragma once
// A macro that casts, which Swift does not see.
#include <sqlite3.h>

static inline sqlite3_destructor_type belfry_sqlite_transient(void) {
  return SQLITE_TRANSIENT;
}
