/* SPDX-License-Identifier: Apache-2.0 */
/* export - marks what the shared library shows; all else is hidden (-fvisibility=hidden). */
#pragma once

#define API __attribute__((visibility("default")))
