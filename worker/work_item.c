/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/work_item.h"

#include <stdlib.h>

void work_item_free(struct work_item *item)
{
    if (item == NULL)
        return;
    event_done(&item->event);
    free(item);
}
