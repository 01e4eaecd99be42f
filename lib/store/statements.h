/*
 * Every SQL statement of the program by name: X(NAME, "text"). One file a table under sql/, so that all that touches a
 * table can be read on one page. Placeholders are ?1, ?2 ...; times are UTC unix milliseconds.
 */
#ifndef STORE_STATEMENTS_H
#define STORE_STATEMENTS_H

enum sql_name {
#define X(name, text) SQL_##name,
#include "store/sql/all.def"
#undef X
    SQL_N
};

#endif
