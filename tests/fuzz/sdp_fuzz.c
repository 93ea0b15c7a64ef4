/* Fuzzes sdp_check: src/care/sdp.c. What passes names a fingerprint and no key
 * in the clear, on whatever line, and its line ends do not matter. */
#include "care/sdp.h"
#include "sdp_world.h"

void
fuzz(struct arena *a, const uint8_t *p, size_t n)
{
	const char *text = (const char *)p;
	bool good = sdp_check(text, n) == ERR_OK;

	must(good == passes(a, text, n, "\n", "\n"));
	must(good == passes(a, text, n, "\r\n", "\n"));
	must(!good || sdp_judge(arena_text_n(a, text, n)));
	must(!passes(a, text, n, "\r\n", "\na=Crypto:1 x\r\n"));
	must(!passes(a, text, n, "\r\n", "\nk=prompt\r\n"));
	must(!passes(a, text, n, "\r\n", "\nm=audio 9 RTP/AVP 0\r\n"));
}
