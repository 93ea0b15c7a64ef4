#ifndef CARE_GUEST_H
#define CARE_GUEST_H

/*
 * Guests: who comes to one visit by a link, without an account to sign in to.
 * The link is good from when it is made until its visit is over, its maker ends
 * it, or three birth dates were wrong; as often as one likes, for telephones lose
 * connections, but for one browser at a time, and whoever comes by it is let in
 * by the visit's clinician anew (TR-11, IA-19).
 */
#define GUESTS_INVITED 10 /* links of a visit that are good at a time */
#define GUESTS_INSIDE  4  /* with its patient and clinician six in a call */

#endif
