/* SPDX-License-Identifier: Apache-2.0 */
/*
 * filter_eval - what a filter does with a call, without a kernel: the instructions that
 * filter_compile() makes, no others.  Pure.
 */
#pragma once

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Is it a program of these instructions alone, whose every way ends in a verdict?  All below want
 * one.
 */
bool filter_check(const struct sock_fprog *program);
/* The verdict, SECCOMP_RET_..., with its data. */
uint32_t filter_eval(const struct sock_fprog *program, const struct seccomp_data *data);
/*
 * Does it kill a call of an architecture (AUDIT_ARCH_...) with any arguments?  Any call at all,
 * where number is NULL.
 */
bool filter_may_kill(const struct sock_fprog *program, uint32_t audit, const int *number);
