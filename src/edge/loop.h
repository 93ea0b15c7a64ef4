#ifndef EDGE_LOOP_H
#define EDGE_LOOP_H

/*
 * base/loop.h over Kore's event loop. Every callback that Kore makes into the
 * application (request, event, timer, message, socket) is bracketed by
 * loop_enter and loop_leave, so that what it deferred runs at its end and the
 * next timer is armed.
 */
void loop_kore_install(void);
void loop_enter(void);
void loop_leave(void);

#endif
