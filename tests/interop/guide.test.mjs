// The snippet for Node in the guide, as it stands there; GUIDE is that page if it is not where the repository has it.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { decode, encode } from 'cborg';
import { cookiePurpose, open, seal } from './hardtack.mjs';
import { candidates, readDictionary, readRecord, writeRecord } from './session.mjs';

const guide = readFileSync(process.env.GUIDE ?? new URL('../../src/guide/sessions.md', import.meta.url), 'utf8');
const [, snippet] = guide.match(/```js\n([^]*?)```/);
const keys = [randomBytes(32), randomBytes(32)];
process.env.SESSION_KEYS = `${keys[0].toString('base64')}, ${keys[1].toString('base64')}@1700000000`;
const file = new URL('snippet.mjs', import.meta.url);
writeFileSync(file, snippet);
const { user } = await import(file);
unlinkSync(file);

const now = Math.floor(Date.now() / 1000);
const lasting = { idleLimit: 1800, lifetime: 43_200, longest: 43_200, remembered: false, login: true };
const ids = { id: '00'.repeat(16), loginId: '11'.repeat(8) };
const fresh = { ...ids, createdAt: now, ...lasting, values: new Map([['user', encode(7)]]) };
const purpose = cookiePurpose('__Host-session', '');
const request = (record, settings) => {
  const token = seal(writeRecord(record), { master: keys[0], purpose, label: 'cookie', now, ...settings });
  return { headers: { cookie: `theme=dark; __Host-session=${token}` } };
};

test('finds the user', () => {
  assert.equal(user(request(fresh)), 7);
  assert.equal(user(request({ ...fresh, values: new Map() })), null);
  assert.equal(user({ headers: {} }), null);
});

test('finds nobody where keys, name, realm or time are others', () => {
  assert.equal(user(request(fresh, { master: randomBytes(32) })), null);
  assert.equal(user(request(fresh, { master: keys[1] })), null); // retired
  assert.equal(user(request(fresh, { purpose: cookiePurpose('session', '') })), null);
  assert.equal(user(request(fresh, { purpose: cookiePurpose('__Host-session', 'staging') })), null);
  assert.equal(user(request(fresh, { now: now - 1802 })), null);
  assert.equal(user(request({ ...fresh, createdAt: now - 43_202 })), null);
});

test('a record that was read can be written with another value', () => {
  const { cookie } = request(fresh).headers;
  const [token] = candidates([cookie], '__Host-session');
  const opened = open(token, { keys: [{ master: keys[0] }], purpose, label: 'cookie', maxAge: Infinity });
  const record = readRecord(opened.payload);
  record.values = readDictionary(record.data);
  record.values.set('user', encode(8));
  assert.equal(user(request(record)), 8);
});

test('what fits', () => {
  const item = (hex) => decode(Buffer.from(hex, 'hex'));
  assert.equal(item('1b001fffffffffffff'), Number.MAX_SAFE_INTEGER);
  assert.equal(item('1b0020000000000000'), 9007199254740992n);
  assert.equal(item('f6'), null);
  assert.deepEqual(item('4107'), Uint8Array.of(7));
  assert.deepEqual([item('6141'), item('a1614105')], ['A', { A: 5 }]); // variants of an enum
});
