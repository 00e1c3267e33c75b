/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verbs - what memcage can be told to do.  Each takes its own argv and gives memcage's exit
 * status.
 */
#pragma once

int verb_run(int argc, char *argv[]);
int verb_map(int argc, char *argv[]);
int verb_policy(int argc, char *argv[]);
int verb_doctor(int argc, char *argv[]);
