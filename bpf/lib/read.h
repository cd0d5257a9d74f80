/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reading kernel memory, with types where the kernel can give them. */
#ifndef STILLFRAME_BPF_LIB_READ_H
#define STILLFRAME_BPF_LIB_READ_H

#include "bpf/lib/maps.h"

/*
 * Kernel function (6.2): gives any address the type that is asked for, for
 * reading only; a bad one reads as zeroes. Makes pointer chasing as cheap as a
 * plain load, and is allowed where bpf_probe_read_kernel() is not. The second
 * argument is a type of the running kernel's BTF. Weak: older kernels lack it,
 * and the branches with it are dead code there.
 */
extern void *bpf_rdonly_cast(const void *obj, u32 btf_id) __ksym __weak;

/*
 * An address as a pointer to a kernel type: for FIELD() only, since before 6.2 it
 * remains a number to the verifier.
 *
 * Also of what has its type already, as the arguments of a BTF tracepoint, wherever much
 * is read: of each load by a pointer that it trusts the verifier looks for lists of trusted
 * fields by name, among all names of the kernel's BTF (btf_find_by_name_kind() in
 * type_is_trusted() and its like, kernel/bpf/verifier.c, since 6.4), which was three
 * quarters of the time that programs took to load. A load by a trusted pointer is a plain
 * one, by another some six instructions more: what runs for every write keeps its own.
 */
#define CAST(type, address)                                                                        \
	(config.reads == SF_READS_CAST                                                             \
	     ? (struct type *)bpf_rdonly_cast((address), bpf_core_type_id_kernel(struct type))     \
	     : (struct type *)(address))

#define READ_FIELD(pointer, field, loads)                                                          \
	({                                                                                         \
		typeof(pointer) read_from = (pointer);                                             \
		typeof(read_from->field) read_value;                                               \
		if (loads)                                                                         \
			read_value = read_from->field;                                             \
		else                                                                               \
			bpf_core_read(&read_value, sizeof(read_value), &read_from->field);         \
		read_value;                                                                        \
	})

/* A field of a kernel structure; zero where the memory is not there. */
#define FIELD(pointer, field) READ_FIELD(pointer, field, config.reads == SF_READS_CAST)

/*
 * The same, by a pointer that the verifier knows the type of by itself: current_task(), an
 * argument that BTF describes, and what this reads by way of them. There a load
 * needs no cast, and is a twentieth of the price of a copy. What FIELD() has read is a number
 * before 6.2, and may not be walked on from.
 */
#define WALK(pointer, field) READ_FIELD(pointer, field, config.reads != SF_READS_COPY)

/* The current task. bpf_get_current_task_btf() is of 5.11. */
static __always_inline struct task_struct *current_task(void)
{
	if (config.reads == SF_READS_COPY)
		return (struct task_struct *)bpf_get_current_task();
	return CAST(task_struct, bpf_get_current_task_btf());
}

/* As many characters as load_name() reads: the exe of a process, a short name. */
#define LOADED_NAME 32

/*
 * A dentry's name by loads, where config.reads is SF_READS_CAST: a copy looks at each
 * character, and costs three times as much. Cut short, so that there is a NUL in any case;
 * what is behind the first is whatever lay there. A name is never in fewer bytes: it is in
 * the dentry, or too long for that (fs/dcache.c). The verifier lets an array of characters
 * be read by words (btf_struct_walk(), since 5.5).
 */
static __always_inline void load_name(char out[LOADED_NAME], const unsigned char *name)
{
	const struct new_utsname *in = CAST(new_utsname, name);
	const u64 *words = (const void *)&in->sysname;
	u64 *to = (u64 *)out;

	to[0] = words[0];
	to[1] = words[1];
	to[2] = words[2];
	to[3] = words[3];
	out[LOADED_NAME - 1] = 0;
}

/* What a function of its own returns: hidden from the compiler, which would leave out
 * what it knows to be zero, while the verifier wants a number in the register. */
static __always_inline int done(void)
{
	int zero = 0;

	asm volatile("" : "+r"(zero));
	return zero;
}

#endif
