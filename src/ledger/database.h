/* SPDX-License-Identifier: Apache-2.0 */
/*
 * database - an SQLite file that is written by more than one process, and statements on it; only
 * database.c knows SQLite.
 *
 * What writes begins a transaction that is a writer from the start (BEGIN IMMEDIATE): nobody can
 * then write between what is looked at and what is written because of it.  In WAL mode a commit is
 * a write(2) to FILE-wal, and without `sync` no fsync(2): what is committed outlives the process,
 * not a power cut.
 *
 * A function that fails, fails for good: the transaction is rolled back, `failed` is true, and
 * database_begin() and database_commit() say the same words from then on.  All errors name the
 * path.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct sqlite3;
struct sqlite3_stmt;

/* What kind of database it is to be. */
struct database_kind {
	int application, version; /* PRAGMA application_id, user_version */
	const char *tables;	  /* makes them in an empty one */
	const char *temporary;	  /* makes what this connection needs for itself */
	const char *const *texts; /* the statements, by number */
	size_t text_count;
};

/* Files that must stay those at their paths as long as it is open. */
enum database_file {
	DATABASE_ITSELF,
	DATABASE_WAL,
	DATABASE_SHM,
	DATABASE_MAPS, /* the caller's, made between database_open() and the first commit */
	DATABASE_FILE__COUNT,
};

struct database_identity {
	char *path; /* absolute, without links */
	dev_t device;
	ino_t inode;
};

struct database {
	const char *path; /* as it was given, the caller's; for messages */
	struct sqlite3 *sqlite;
	void *lookaside; /* its small pieces; NULL: in the heap */
	struct sqlite3_stmt *begin, *commit, **statements;
	size_t statement_count;
	struct database_identity files[DATABASE_FILE__COUNT];
	bool files_known; /* since the first commit */
	bool begun;
	bool failed;
	struct memcage_error failure;
};

/*
 * Opens or makes it, and begins a transaction.  -1 with a usage error for what is no database, one
 * of another kind or version, or no file; the database is then still to be closed.
 */
int database_open(struct database *database, const char *path, const struct database_kind *kind,
		  bool sync, struct memcage_error *err);
/* What is not committed is lost.  Takes one that is all zero, too. */
void database_close(struct database *database);

int database_begin(struct database *database, struct memcage_error *err);
/* Ends the transaction, if there is one; -1 too where a file was deleted or replaced meanwhile. */
int database_commit(struct database *database, struct memcage_error *err);
/* Fails for good, for a reason of the caller's; -1. */
int database_fail(struct database *database, int errnum, const char *words,
		  struct memcage_error *err);

/*
 * Values of a statement, from 1.  A number that is UINT64_MAX is null, and so is a text that is
 * NULL; texts are not copied, and must last until the statement has run.
 */
void database_put(struct database *database, size_t statement, int at, uint64_t number);
void database_put_real(struct database *database, size_t statement, int at, double number);
void database_put_text(struct database *database, size_t statement, int at, const char *text);
/* As a BLOB: for any bytes. */
void database_put_bytes(struct database *database, size_t statement, int at, const char *text);

int database_run(struct database *database, size_t statement, struct memcage_error *err);
/* 1: there is a row, to be read and then left, or followed by the next; 0: there is none (more). */
int database_next(struct database *database, size_t statement, struct memcage_error *err);
void database_leave(struct database *database, size_t statement);
/* A column of the row, from 0; null is UINT64_MAX. */
uint64_t database_get(struct database *database, size_t statement, int column);
/* The same, null is 0, which is no id. */
int64_t database_get_id(struct database *database, size_t statement, int column);
/* The first byte of a text. */
char database_get_letter(struct database *database, size_t statement, int column);
int64_t database_last_id(struct database *database);
