/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "assembler/migration_files.h"
#include "common/mem.h"

struct folder {
    char path[64];
    char *files[8];
    size_t count;
};

static void folder_init(struct folder *folder)
{
    *folder = (struct folder){.path = "/tmp/migrations-XXXXXX"};
    assert_non_null(mkdtemp(folder->path));
}

static void folder_done(struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++) {
        assert_int_equal(unlink(folder->files[i]), 0);
        free(folder->files[i]);
    }
    assert_int_equal(rmdir(folder->path), 0);
}

static void write_file(struct folder *folder, const char *name, const char *text)
{
    char *path = mem_format("%s/%s", folder->path, name);
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
    folder->files[folder->count++] = path;
}

static void test_migration_files__come_in_the_order_of_their_numbers(void **state)
{
    CLEANUP(folder_done) struct folder folder;
    CLEANUP(migration_files_done) struct migration_files files = {0};
    struct err err;

    (void)state;
    folder_init(&folder);
    write_file(&folder, "0002_more.sql", "SELECT 2;");
    write_file(&folder, "0001_first.sql", "abc");
    write_file(&folder, "README.md", "not one of them");
    assert_true(migration_files_load(folder.path, &files, &err));
    assert_int_equal(files.count, 2);
    assert_string_equal(files.items[0].name, "0001_first.sql");
    assert_string_equal(files.items[1].sql, "SELECT 2;");
    assert_string_equal(files.items[0].digest,
                        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void test_migration_files__names_that_are_not_dense_are_refused(void **state)
{
    static const char *const NAMES[] = {"0002_second.sql", "first.sql", "1_short.sql",
                                        "00001_long.sql", "0001.sql"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        CLEANUP(folder_done) struct folder folder;
        struct migration_files files = {0};
        struct err err;

        folder_init(&folder);
        write_file(&folder, NAMES[i], "");
        assert_false(migration_files_load(folder.path, &files, &err));
        assert_int_equal(err.kind, ERR_REJECT);
    }
}

static void test_migration_files__an_empty_or_missing_folder_is_refused(void **state)
{
    CLEANUP(folder_done) struct folder folder;
    struct migration_files files = {0};
    struct err err;

    (void)state;
    folder_init(&folder);
    assert_false(migration_files_load(folder.path, &files, &err));
    assert_false(migration_files_load("/nowhere/at/all", &files, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_migration_files__come_in_the_order_of_their_numbers),
        cmocka_unit_test(test_migration_files__names_that_are_not_dense_are_refused),
        cmocka_unit_test(test_migration_files__an_empty_or_missing_folder_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
