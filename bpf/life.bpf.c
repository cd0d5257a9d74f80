// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Lifecycle and code: what every kernel with BTF must run. The maps that all
 * objects share are made with this one. */
#include "bpf/code.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";
