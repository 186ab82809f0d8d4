// SPDX-License-Identifier: MIT
/* How many workers the quotas of control groups allow, in a made-up tree. */
#include "core_test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/cpus.h"

static const char *path_of(const char *name)
{
	static char path[2][512];
	static int turn;
	char *p = path[turn++ % 2];

	ASSERT_LT(snprintf(p, 512, "%s/%s", harness_tmpdir(), name), 512);
	return p;
}

static void make_dir(const char *name)
{
	ASSERT_TRUE(!mkdir(path_of(name), 0700) || errno == EEXIST);
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(path_of(name), "we");

	ASSERT_NOT_NULL(f);
	ASSERT_GE(fputs(text, f), 0);
	ASSERT_EQ(0, fclose(f));
}

static unsigned int quota(void)
{
	return cpus_by_quota(path_of("mounts"), path_of("groups"));
}

FIXTURE(groups) { char unused; };
FIXTURE_VARIANT(groups) { char unused; };
FIXTURE_VARIANT_ADD(groups, one) { 0 };

/* One way down in each of the two versions. */
FIXTURE_SETUP(groups)
{
	static const char *const dirs[] = {
		"mounts", "mounts/a", "mounts/a/b", "mounts/a/b/c",
		"mounts/cpu", "mounts/cpu/a", "mounts/cpu/a/b",
		"mounts/cpuset", "mounts/cpuset/a",
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(dirs); i++)
		make_dir(dirs[i]);
}

FIXTURE_TEARDOWN(groups) { }

static const struct {
	const char *text;
	unsigned int cpus;
} maxima[] = {
	{ "max 100000\n", 0 },
	{ "50000 100000\n", 1 },
	{ "1000 1000000\n", 1 },
	{ "100000 100000\n", 1 },
	{ "100001 100000\n", 2 },
	{ "150000 100000\n", 2 },
	{ "200000 100000\n", 2 },
	{ "3200000 50000\n", 64 },
	{ "400000 100000 and more\n", 4 },
};

TEST_F(groups, a_part_of_a_processor_is_a_worker)
{
	put("groups", "0::/a\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(maxima); i++) {
		put("mounts/a/cpu.max", maxima[i].text);
		if (!EXPECT_EQ(maxima[i].cpus, quota()))
			TEST_LOG("with %s", maxima[i].text);
	}
}

TEST_F(groups, what_makes_no_sense_is_no_limit)
{
	static const char *const texts[] = {
		"", "\n", "many", "100000", "100000\n", "100000 max",
		"100000 0", "0 100000", "-1 100000", "100000 -1", "-1 -1",
		"max", "0x100 10", "\xff\xfe 1",
	};

	put("groups", "0::/a\n");
	for (unsigned int i = 0; i < ARRAY_SIZE(texts); i++) {
		put("mounts/a/cpu.max", texts[i]);
		if (!EXPECT_EQ(0u, quota()))
			TEST_LOG("with '%s'", texts[i]);
	}
	put("mounts/a/cpu.max", "99999999999999999999999999 1\n");
	EXPECT_GE(quota(), 1u << 16);
}

TEST_F(groups, the_least_of_nested_ones_holds)
{
	static const unsigned int at[][4] = {
		{ 4, 0, 0, 0 }, { 0, 4, 0, 0 }, { 0, 0, 4, 0 }, { 0, 0, 0, 4 },
		{ 4, 5, 6, 7 }, { 7, 6, 5, 4 }, { 5, 4, 0, 6 }, { 0, 9, 4, 9 },
	};
	static const char *const files[] = {
		"mounts/cpu.max", "mounts/a/cpu.max", "mounts/a/b/cpu.max",
		"mounts/a/b/c/cpu.max",
	};
	char text[64];

	put("groups", "0::/a/b/c\n");
	EXPECT_EQ(0u, quota());
	for (unsigned int i = 0; i < ARRAY_SIZE(at); i++) {
		for (unsigned int j = 0; j < 4; j++) {
			snprintf(text, sizeof(text), "%u00000 100000\n",
				 at[i][j]);
			put(files[j], at[i][j] ? text : "max 100000\n");
		}
		if (!EXPECT_EQ(4u, quota()))
			TEST_LOG("in row %u", i);
	}
}

TEST_F(groups, those_beside_and_below_do_not_count)
{
	put("groups", "0::/a\n");
	put("mounts/a/cpu.max", "max 100000\n");
	put("mounts/a/b/cpu.max", "100000 100000\n");
	put("mounts/cpu/a/cpu.max", "100000 100000\n");
	/* Above the mount nothing is of this system. */
	put("cpu.max", "100000 100000\n");
	EXPECT_EQ(0u, quota());
	put("groups", "0::/\n");
	EXPECT_EQ(0u, quota());
	put("mounts/cpu.max", "300000 100000\n");
	EXPECT_EQ(3u, quota());
}

/* The path is the host's, but what is mounted begins at the container. */
TEST_F(groups, of_a_group_out_of_sight_those_above_count)
{
	put("groups", "0::/host/of/this/container\n");
	EXPECT_EQ(0u, quota());
	put("mounts/cpu.max", "200000 100000\n");
	EXPECT_EQ(2u, quota());
	put("groups", "0::/../beside\n");
	EXPECT_EQ(2u, quota());
}

TEST_F(groups, what_cannot_be_read_is_no_limit)
{
	/* There are no groups at all. */
	EXPECT_EQ(0u, quota());
	make_dir("groups");
	EXPECT_EQ(0u, quota());
	ASSERT_EQ(0, rmdir(path_of("groups")));
	put("groups", "0::/a/b\n");
	make_dir("mounts/a/cpu.max");
	EXPECT_EQ(0u, quota());
	/* That of a group that can be is one. */
	put("mounts/a/b/cpu.max", "300000 100000\n");
	EXPECT_EQ(3u, quota());
}

TEST_F(groups, lines_that_make_no_sense)
{
	char line[1024];

	put("mounts/a/cpu.max", "100000 100000\n");
	put("groups", "\n:\n0:/a\n0\n/a\ncpu\n\xff\n");
	EXPECT_EQ(0u, quota());
	/* Longer than any that is looked at. */
	memset(line, 'x', sizeof(line) - 1);
	memcpy(line, "0::/a/", 6);
	line[sizeof(line) - 1] = '\0';
	put("groups", line);
	EXPECT_EQ(1u, quota());
}

/* Version 1: two files, in the hierarchy of the controller "cpu". */

static void put_v1(const char *dir, const char *cfs_quota, const char *period)
{
	char name[256];

	snprintf(name, sizeof(name), "%s/cpu.cfs_quota_us", dir);
	put(name, cfs_quota);
	snprintf(name, sizeof(name), "%s/cpu.cfs_period_us", dir);
	put(name, period);
}

TEST_F(groups, of_version_1)
{
	put("groups", "3:cpuset:/a\n2:cpuacct,cpu:/a/b\n1:name=x:/a\n");
	EXPECT_EQ(0u, quota());
	put_v1("mounts/cpuset/a", "100000\n", "100000\n");
	put_v1("mounts/cpu", "-1\n", "100000\n");
	put_v1("mounts/cpu/a", "-1\n", "100000\n");
	put_v1("mounts/cpu/a/b", "-1\n", "100000\n");
	EXPECT_EQ(0u, quota());
	put_v1("mounts/cpu/a/b", "250000\n", "100000\n");
	EXPECT_EQ(3u, quota());
	put_v1("mounts/cpu/a", "50000\n", "100000\n");
	EXPECT_EQ(1u, quota());
	put_v1("mounts/cpu/a", "50000\n", "nothing\n");
	EXPECT_EQ(3u, quota());
	put_v1("mounts/cpu/a/b", "250000\n", "0\n");
	EXPECT_EQ(0u, quota());
}

TEST_F(groups, a_process_may_be_in_both_versions)
{
	put("groups", "1:cpu:/a\n0::/a\n");
	put_v1("mounts/cpu/a", "300000\n", "100000\n");
	put("mounts/a/cpu.max", "max 100000\n");
	EXPECT_EQ(3u, quota());
	put("mounts/a/cpu.max", "200000 100000\n");
	EXPECT_EQ(2u, quota());
	put("mounts/a/cpu.max", "400000 100000\n");
	EXPECT_EQ(3u, quota());
}

TEST(never_more_than_there_are)
{
	unsigned int n = cpus_usable();

	EXPECT_GE(n, 1u);
	EXPECT_LE(n, (unsigned int)sysconf(_SC_NPROCESSORS_CONF));
}

HARNESS_MAIN
