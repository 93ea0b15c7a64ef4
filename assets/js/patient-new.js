// Adds a patient.

import { post } from './api.js';
import { formOf, inputOf } from './dom.js';
import { isoDay } from './format.js';
import { onSubmit } from './form.js';
import { toPatient } from './person.js';
import { begin } from './session.js';

await begin(['clinician', 'scheduler']);
const form = formOf('form');
// One key for one intention: a second press after a lost answer makes no
// second patient.
let key = crypto.randomUUID();

inputOf('birth_date').max = isoDay(new Date());
form.addEventListener('input', () => { key = crypto.randomUUID(); });
onSubmit(form, async (values) => {
  const { body } = await post('/v1/patients', toPatient(values), { key });

  form.reset();
  location.assign(`/patient?id=${body.id}&new=1`);
});
