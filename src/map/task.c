/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of tasks. */
#include <stdlib.h>

#include "base/own.h"
#include "map/map_state.h"

void task_list_add(struct task_list *list, struct task *task)
{
	task->next = NULL;
	task->previous = list->last;
	*(list->last ? &list->last->next : &list->first) = task;
	list->last = task;
	list->count++;
}

void task_list_add_first(struct task_list *list, struct task *task)
{
	task->previous = NULL;
	task->next = list->first;
	*(list->first ? &list->first->previous : &list->last) = task;
	list->first = task;
	list->count++;
}

void task_list_remove(struct task_list *list, struct task *task)
{
	*(task->previous ? &task->previous->next : &list->first) = task->next;
	*(task->next ? &task->next->previous : &list->last) = task->previous;
	task->next = task->previous = NULL;
	list->count--;
}

void task_free(struct task *task)
{
	if (!task)
		return;
	memcage_job_free(task->job);
	feed_release(&task->feed);
	item_release(&task->item);
	free(task);
}
