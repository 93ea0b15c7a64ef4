#include "gate/form.h"

#include "gate/input.h"
#include "gate/precondition.h"
#include "gate/upgrade.h"

void
form_read_early(struct passage *p)
{
	struct op *op = &p->op;

	p->input.err = input_read(op);
	p->input.culprit = op->culprit;
	p->input.done = true;
	op->culprit = NULL;
}

enum err
form_read(struct passage *p)
{
	if (!p->input.done)
		form_read_early(p);
	p->op.culprit = p->input.culprit;
	return p->input.err;
}

enum err
form_check(struct passage *p)
{
	struct op *op = &p->op;
	enum err r;

	if ((r = form_read(p)) != ERR_OK || (r = input_check(op)) != ERR_OK ||
	    (r = upgrade_check(op)) != ERR_OK)
		return r;
	return precondition_read(op);
}
