/* SPDX-License-Identifier: Apache-2.0 */
#include "item/item.h"

#include <stdlib.h>

static void release_overrides(struct item_override *list, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(list[i].key);
		free(list[i].text);
	}
	free(list);
}

void item_release(struct item *item)
{
	free(item->text);
	free(item->command);
	release_overrides(item->limits, item->limit_count);
	release_overrides(item->env, item->env_count);
	*item = (struct item) { 0 };
}
