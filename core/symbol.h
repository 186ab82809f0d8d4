/* SPDX-License-Identifier: MIT */
/* Names for addresses of code, for people. See core/symbol.c. */
#ifndef OA_CORE_SYMBOL_H
#define OA_CORE_SYMBOL_H

#include <stddef.h>
#include <stdint.h>

#define SYMBOL_FILES	4
#define SYMBOL_CACHE	32
#define SYMBOL_MAX	128	/* of what is printed */

/* The symbols of one object, as they lie in its file. */
struct symbol_file {
	uintptr_t bias;			/* which object */
	const char *map;		/* NULL: the file tells nothing */
	size_t size;
};

struct symbols {
	struct symbol_file file[SYMBOL_FILES];
	unsigned int nr_files;
	struct {
		const void *pc;
		const char *name;
		uintptr_t off;
	} cache[SYMBOL_CACHE];
};

/*
 * Around each call of the dynamic linker and the unwinder: they have locks of
 * their own, which a child of fork() would find held for ever. Held over the
 * fork. Nothing else is locked under it.
 */
void symbol_lock(void);
void symbol_unlock(void);

void symbols_init(struct symbols *s);
void symbols_fini(struct symbols *s);

/* Does it lie in what the program or one of its libraries can run? */
int symbol_is_code(const void *pc);

/*
 * "function+0x12", or "program+0x1234" for addr2line(1), or the bare address.
 * @ret: @pc is a return address. Not for signal handlers.
 */
const char *symbol_print(struct symbols *s, const void *pc, int ret, char *buf,
			 size_t n);

#endif
