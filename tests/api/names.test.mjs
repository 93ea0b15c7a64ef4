// People as they are called and numbered: names of one word, one letter or any
// script, dates of which a part is known, numbers written in every way.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { startClinic } from '../lib/clinic.mjs';
import { Peer } from '../lib/peer.mjs';

let clinic, as;

const person = (more) => ({ family_name: 'Tester', given_name: 'Una', birth_date: '1990-01-01', sex: 'unknown', ...more });
const create = async (more, who = as.clinician) => {
  const made = await who.create('/v1/patients', person(more));
  assert.equal(made.status, 201, `${JSON.stringify(more)}: ${made.text}`);
  return made.body.id;
};
const read = async (id, who = as.clinician) => {
  const r = await who.get(`/v1/patients/${id}`);
  assert.equal(r.status, 200, r.text);
  return r.body;
};
const ids = async (terms, who = as.scheduler) => {
  const r = await who.search({ limit: 100, ...terms });
  assert.equal(r.status, 200, `${JSON.stringify(terms)}: ${r.text}`);
  return r.body.items.map((p) => p.id);
};
/** By the desk, which walks the clinic's names, and by a clinician, whose team is walked. */
const found = async (id, terms) => {
  for (const who of [as.scheduler, as.clinician])
    assert.ok((await ids(terms, who)).includes(id), `${JSON.stringify(terms)} finds`);
};
const notFound = async (id, terms) => {
  for (const who of [as.scheduler, as.clinician])
    assert.ok(!(await ids(terms, who)).includes(id), `${JSON.stringify(terms)} does not find`);
};
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const patch = (id, version, body, who = as.clinician) => who.patch(`/v1/patients/${id}`, body, { 'if-match': `"${version}"` });

before(async () => {
  clinic = await startClinic();
  as = {};
  for (const [name, who] of Object.entries(clinic.people)) as[name] = await clinic.signIn(who);
});
after(() => clinic?.stop());

test('a word of one letter is looked for whole', async () => {
  const mary = await create({ given_name: 'Mary J', family_name: 'Middleton' });
  await found(mary, { given_name: 'Mary J' });
  await found(mary, { given_name: 'J' });
  await found(mary, { name: 'middleton j' });
  const james = await create({ given_name: 'James', family_name: 'Middleton' });
  await notFound(james, { given_name: 'J' });
  for (const family_name of ['O', '李', '김', 'Ö']) {
    const id = await create({ family_name });
    await found(id, { family_name });
    await found(id, { name: family_name });
  }
});

const apostrophes = ["'", '`', '\u00b4', '\u2018', '\u2019', '\u201b', '\u2032', '\u02b9', '\u02bb', '\u02bc', '\u055a', '\u05f3', '\uff07', '\ua78c', ' '];

test('an apostrophe is one, whichever a keyboard has, or a space', async () => {
  const kept = [];
  for (const mark of apostrophes) kept.push(await create({ family_name: `O${mark}Neill` }));
  kept.push(await create({ family_name: 'ONeill' }));
  for (const mark of apostrophes.filter((m) => m !== ' ')) {
    const got = await ids({ family_name: `O${mark}Neill` });
    for (const id of kept) assert.ok(got.includes(id), `${mark} finds all of them`);
  }
  const apart = await ids({ family_name: 'O Neill' });
  for (const id of kept.slice(0, -1)) assert.ok(apart.includes(id));
  await found(kept[0], { family_name: 'neill' });
  await found(kept[0], { family_name: 'o\u2019ne' });
  const angelo = await create({ family_name: 'D\u2019Angelo' });
  for (const family_name of ["D'Angelo", 'DAngelo', 'D Angelo', 'Angelo', 'dang']) await found(angelo, { family_name });
});

test('letters that look alike, or that a keyboard has not, are one', async () => {
  for (const [name, ...typed] of [
    ['Əliyev', 'Eliyev', 'Aliyev', 'Ǝliyev', 'Әliyev', 'əli', 'ƏLİYEV'],
    ['Ɗanjuma', 'Danjuma', 'Đanjuma', 'ɗanj'],
    ['Ƙofa', 'Kofa'], ['Ɓello', 'Bello'], ['Ŋakoru', 'Nakoru'],
    ['کریمی', 'كريمي', 'كريمى', 'کر'], ['كريمي', 'کریمی'],
    ['محمد', 'محـمد', 'مُحَمَّد'], ['محـمـود', 'محمود'], ['فاطمة', 'فاطمه'], ['أحمد', 'احمد'],
    ['Müller', 'Muller', 'Mueller', 'MÜLLER', 'Mu\u0308ller'], ['Mueller', 'Müller', 'mueller'],
    ['Søren', 'Soren', 'Soeren'], ['Åse', 'Ase', 'Aase'], ['Groß', 'Gross', 'GROSS'],
    ['Yıldız', 'Yildiz', 'YILDIZ', 'YİLDİZ'], ['Łukasz', 'Lukasz'], ['Nguyễn', 'Nguyen'], ['Ñuñez', 'Nunez'],
    ['De la Cruz', 'Delacruz', 'dela', 'cruz', 'la Cruz'], ['Al-Sayed', 'Alsayed', 'al sayed', 'sayed'],
    ['St. John', 'St John', 'Stjohn', 'St.John'], ['Gal·la', 'Galla'], ['髙橋', '高橋'], ['ﾔﾏﾀﾞ', 'ヤマダ'], ['Ａｎｎａ', 'Anna'],
  ]) {
    const id = await create({ family_name: name });
    for (const family_name of typed) await found(id, { family_name });
  }
});

test('a name in one field is found by both names, in either order', async () => {
  const id = await create({ family_name: 'Nguyen', given_name: 'Ha' });
  for (const name of ['Ha Nguyen', 'Nguyen Ha', 'nguyen', 'ha', 'Ngu Ha', 'Nguyen, Ha', 'NGUYỄN HÀ']) await found(id, { name });
  for (const name of ['Ha Tran', 'Hang Nguyen', 'Nguyenh']) await notFound(id, { name });
  await found(id, { name: 'ha', family_name: 'nguyen', birth_date: '1990-01-01' });
  await notFound(id, { name: 'ha', family_name: 'nguyen', birth_date: '1990-01-02' });
});

test('a person of one name has no invented one', async () => {
  const id = await create({ family_name: 'Suharto', given_name: null, email: `${randomUUID()}@example.org` });
  assert.equal((await read(id)).given_name, null);
  await found(id, { name: 'Suharto' });
  await found(id, { family_name: 'suh' });
  await notFound(id, { family_name: 'Suharto', given_name: 'null' });
  const account = await as.scheduler.create(`/v1/patients/${id}/account`, {});
  assert.equal(account.status, 201, account.text);
  const user = await as.admin.get(`/v1/users/${account.body.id}`);
  assert.equal(user.body.display_name, 'Suharto');
  const when = new Date(Date.now() + 86400e3 * 40).toISOString().replace(/\.\d+/, '');
  const visit = await as.clinician.create('/v1/visits', { patient_id: id, clinician_id: clinic.people.clinician.id, starts_at: when, duration_minutes: 5, reason: 'x' });
  assert.equal(visit.status, 201, visit.text);
  assert.equal((await as.clinician.get(`/v1/visits/${visit.body.id}`)).body.patient_name, 'Suharto');
  const named = await patch(id, 1, { given_name: 'Haji' });
  assert.deepEqual([named.status, named.body.given_name], [200, 'Haji'], named.text);
  const again = await patch(id, 2, { given_name: null });
  assert.deepEqual([again.status, again.body.given_name], [200, null], again.text);
  await notFound(id, { given_name: 'Haji' });
});

test('bounds count letters, of any script', async () => {
  for (const letter of ['ක', 'த', 'ก', '漢', '𠮷', 'é']) {
    const full = { family_name: letter.repeat(100), given_name: letter.repeat(100), mrn: `${randomUUID().slice(0, 8)}${letter.repeat(32)}`, language: letter.repeat(40),
      address: { line1: letter.repeat(200), line2: letter.repeat(200), city: letter.repeat(100), state: letter.repeat(100), postal_code: letter.repeat(20), country: letter.repeat(100) },
      emergency_contact: { name: letter.repeat(200), phone: '5550001111' }, insurance: { payer: letter.repeat(200), member_id: letter.repeat(100) } };
    const id = await create(full);
    const kept = await read(id);
    for (const [member, value] of Object.entries(full)) assert.deepEqual(kept[member], value, `${letter} ${member}`);
    await found(id, { family_name: letter.repeat(100) });
    refused(await as.clinician.create('/v1/patients', person({ family_name: letter.repeat(101) })), 422, 'invalid_field', 'family_name');
    refused(await as.clinician.create('/v1/patients', person({ address: { line1: letter.repeat(201) } })), 422, 'invalid_field', 'address.line1');
  }
  // as it is described
  const described = (await as.clinician.get('/v1/openapi.json')).body.paths['/v1/patients'].post.requestBody.content['application/json'].schema.properties;
  assert.equal(described.family_name.maxLength, 100);
  assert.equal(described.address.properties.line1.maxLength, 200);
});

test('a changed name is the account’s and the call’s, too, and there alone', async () => {
  const id = clinic.people.patient.patient_id;
  const account = (await as.admin.get('/v1/users?role=patient&limit=100')).body.items.find((u) => u.email === clinic.people.patient.email);
  const before = await read(id, as.scheduler);
  const long = 'ශ්‍රී'.repeat(20).slice(0, 100);
  const r = await patch(id, before.version, { given_name: long, family_name: `${'ක'.repeat(56)}x` }, as.scheduler);
  assert.equal(r.status, 200, r.text);
  const whole = `${long} ${'ක'.repeat(56)}x`;
  assert.equal((await as.patient.get('/v1/session')).body.user.display_name, whole);
  const user = await as.admin.get(`/v1/users/${account.id}`);
  assert.equal(user.body.display_name, whole);
  assert.equal(user.body.name_fixed, true);
  refused(await as.admin.patch(`/v1/users/${account.id}`, { display_name: 'Other' }, { 'if-match': user.headers.etag }), 422, 'invalid_field', 'display_name');
  refused(await as.scheduler.create(`/v1/patients/${await create({})}/account`, { display_name: 'Other' }), 422, 'unknown_field', 'display_name');

  await clinic.sql(`UPDATE visit SET status = 'cancelled' WHERE status IN ('booked', 'arrived')`); // the demo's, which fill the day
  const starts_at = new Date(Date.now() + 60_000).toISOString().replace(/\.\d+/, '');
  const visit = await as.scheduler.create('/v1/visits', { patient_id: id, clinician_id: clinic.people.clinician.id, starts_at, duration_minutes: 5, reason: 'x' });
  assert.equal(visit.status, 201, visit.text);
  await as.scheduler.post(`/v1/visits/${visit.body.id}/check-in`);
  const tab = (who) => new Peer(`${clinic.url.replace('https', 'wss')}/v1/visits/${visit.body.id}/signal`, { headers: { authorization: `Bearer ${who.token}` }, origin: clinic.url });
  const waits = tab(as.patient), doctor = tab(as.clinician);
  await waits.hello();
  const welcome = await doctor.hello();
  assert.equal(welcome.participants.find((p) => p.role === 'patient').display_name, whole);
  waits.stop();
  doctor.stop();
});

test('what is known of a birth date is said, kept, and matched as far as it goes', async () => {
  const family_name = `Born${randomUUID().replace(/[^a-f]/g, '')}`;
  const known = {};
  for (const birth_date of ['1950', '1950-07', '1950-07-12', '1950-08-01', null]) {
    known[birth_date] = await create({ family_name, birth_date });
    assert.equal((await read(known[birth_date])).birth_date, birth_date);
  }
  const names = async (birth_date, more) => (await ids({ birth_date, ...more })).map((id) => Object.keys(known).find((k) => known[k] === id)).filter(Boolean).sort();
  for (const more of [{}, { family_name }, { name: `una ${family_name}` }]) {
    assert.deepEqual(await names('1950', more), ['1950', '1950-07', '1950-07-12', '1950-08-01']);
    assert.deepEqual(await names('1950-07', more), ['1950', '1950-07', '1950-07-12']);
    assert.deepEqual(await names('1950-07-12', more), ['1950', '1950-07', '1950-07-12']);
    assert.deepEqual(await names('1950-07-13', more), ['1950', '1950-07']);
    assert.deepEqual(await names('1951', more), []);
  }
  for (const birth_date of ['1950', '1950-07', '1950-07-12']) {
    await found(known['1950-07'], { birth_date, family_name });
    await found(known['1950-07-12'], { birth_date, name: family_name });
  }
  for (const bad of ['1950-7', '195', '1950-00', '1950-13', '1950-02-30', '1849', '12.07.1950', `${new Date().getFullYear() + 1}`])
    refused(await as.clinician.create('/v1/patients', person({ birth_date: bad })), 422, 'invalid_field', 'birth_date');
  const r = await patch(known['1950'], 1, { birth_date: '1950-07-30' });
  assert.equal(r.status, 200, r.text);
  assert.deepEqual(await names('1950-07-13', { family_name }), ['1950-07']);
  assert.equal((await patch(known['1950'], 2, { birth_date: null })).body.birth_date, null);
  assert.deepEqual(await names('1950', { family_name }), ['1950-07', '1950-07-12', '1950-08-01']);
});

test('a number is one, however it is dialled or written', async () => {
  const digits = () => String(Math.floor(Math.random() * 1e5)).padStart(5, '0');
  const five = digits();
  const arabic = (text) => text.replace(/\d/g, (d) => String.fromCodePoint(0x660 + Number(d)));
  const wide = (text) => text.replace(/\d/g, (d) => String.fromCodePoint(0xff10 + Number(d)));
  for (const all of [
    [`+91 97000 ${five}`, `011 91 97000 ${five}`, `0091 97000-${five}`, `(+91) 97000 ${five}`, `+91(0)97000${five}`, arabic(`+91 97000 ${five}`), wide(`+91 97000 ${five}`)],
    [`+44 (0)20 7${five}00`, `+44 20 7${five}00`, `0044 20 7${five}00`, `011 44 20 7${five}00`, `+44\u201120 7${five}00`],
    [`555 01${five} x12`, `555 01${five} ext. 12`, `555-01${five} Ext 12`, `(555) 01${five} extension 12`, `555.01${five}#12`, `555 01${five}`],
  ])
    for (const phone of all) {
      const id = await create({ phone });
      assert.equal((await read(id)).phone, phone);
      for (const typed of all) await found(id, { phone: typed });
    }
  const inside = await create({ phone: `555 02${five} x12` });
  await notFound(inside, { phone: `555 02${five} x13` });
  // numbers that begin with 011 within their country
  const delhi = await create({ phone: '011 2345 6789' });
  await notFound(delhi, { phone: '2345 6789' });
  for (const phone of ['abc', 'call me', '555-FLOWERS', '12', 'x12', '+', '555 0100 at home'])
    refused(await as.clinician.create('/v1/patients', person({ phone })), 422, 'invalid_field', 'phone');
});

test('record and social security numbers are found in any digits', async () => {
  const mrn = String(Math.floor(Math.random() * 1e9)).padStart(9, '0');
  const id = await create({ mrn, ssn: `9${mrn.slice(1)}` });
  const arabic = (text) => text.replace(/\d/g, (d) => String.fromCodePoint(0x6f0 + Number(d)));
  await found(id, { mrn: arabic(mrn) });
  await found(id, { ssn: arabic(`9${mrn.slice(1)}`) });
  await found(id, { ssn: `9${mrn.slice(1)}` });
});

test('exact names come first, then those that begin so; no page loses or repeats anyone', async () => {
  const stem = `Zar${randomUUID().replace(/[^a-f]/g, '').padEnd(6, 'q')}`;
  const made = { begins: [], exact: [], compound: [] };
  for (let i = 0; i < 12; i++) made.begins.push(await create({ family_name: `${stem}son`, given_name: `N${i}` }));
  for (let i = 0; i < 3; i++) made.compound.push(await create({ family_name: `${stem}-${stem}y`, given_name: stem }));
  for (let i = 0; i < 3; i++) made.exact.push(await create({ family_name: stem.toUpperCase(), given_name: `Anna M${'abc'[i]}` }));
  const walk = async (terms, who, limit) => {
    const seen = [];
    let cursor = null, pages = 0;
    do {
      const r = await who.search({ ...terms, limit, cursor });
      assert.equal(r.status, 200, r.text);
      assert.ok(r.body.items.length <= limit);
      seen.push(...r.body.items.map((p) => p.id));
      cursor = r.body.next_cursor;
    } while (cursor && ++pages < 60);
    assert.equal(new Set(seen).size, seen.length, 'nobody twice');
    return seen;
  };
  const all = Object.values(made).flat().sort();
  for (const who of [as.scheduler, as.clinician])
    for (const limit of [1, 2, 3, 10, 25]) {
      const byFamily = await walk({ family_name: stem }, who, limit);
      assert.deepEqual(byFamily.slice(0, 3), [...made.exact].sort());
      assert.deepEqual([...byFamily].sort(), all);
      const byName = await walk({ name: `${stem} anna ma` }, who, limit);
      assert.deepEqual(byName, [made.exact[0]]);
      const loose = await walk({ name: `anna ${stem}` }, who, limit);
      assert.deepEqual(loose.sort(), [...made.exact].sort());
      const either = await walk({ name: stem }, who, limit);
      assert.deepEqual([...either].sort(), all);
      assert.deepEqual(either.slice(0, 6).sort(), [...made.exact, ...made.compound].sort(), 'a whole given name is exact, too');
    }
  const [first] = await ids({ family_name: stem, given_name: 'Anna Mb', limit: 1 });
  assert.equal(first, made.exact[1]);
});

//= TR-24: whether a number is anybody's is an answer: few a minute, of one account
test('searches for a social security number have a rate of their own', async () => {
  await clinic.restart({ ssn_searches_per_minute: 4 });
  const desk = await clinic.signIn(clinic.people.scheduler), doctor = await clinic.signIn(clinic.people.clinician);
  refused(await desk.search({ ssn: '1234' }), 422, 'invalid_field', 'ssn');
  refused(await desk.search({ ssn: '078-05-112' }), 422, 'invalid_field', 'ssn');
  refused(await desk.search({ ssn: '07805112*' }), 422, 'invalid_field', 'ssn');
  const answers = [];
  for (let i = 0; i < 6; i++) answers.push(await desk.search({ ssn: `07805${1000 + i}` }));
  const late = answers.filter((r) => r.status === 429);
  assert.ok(late.length >= 3, answers.map((r) => r.status).join());
  for (const r of late) assert.ok(Number(r.headers['retry-after']) > 0);
  assert.equal((await desk.search({ family_name: 'Tester' })).status, 200, 'other searches go on');
  assert.equal((await doctor.search({ ssn: '078051120' })).status, 200, 'so do others');
  assert.equal((await as.patient.search({ ssn: '078051120' })).status, 404);
  const rows = await clinic.audit(`event = 'patient.searched' AND outcome = 'too_many_requests'`);
  assert.equal(rows.length, late.length);
});

test('the search of old, with its terms in the address, is gone', async () => {
  const r = await as.scheduler.get('/v1/patients?family_name=Tester');
  assert.equal(r.status, 405);
  for (const limit of [0, 101, 1.5, '5', 'x', true]) refused(await as.scheduler.search({ name: 'tester', limit }), 422, 'invalid_field', 'limit');
  refused(await as.scheduler.search({ name: 'tester', cursor: 5 }), 422, 'invalid_field', 'cursor');
  assert.equal((await as.scheduler.post('/v1/patients/search?name=tester', {})).status, 400);
});
