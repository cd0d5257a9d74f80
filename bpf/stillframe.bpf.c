// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The kernel side: one object, so that all programs share their maps. */
#include "bpf/code.h"
#include "bpf/files.h"
#include "bpf/kernel.h"
#include "bpf/lifecycle.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
