// The vectors against hardtack.mjs, session.mjs and device.mjs; VECTORS is their directory if it is not ../vectors.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { identifier, openChallenge, sealChallenge, verifyProof } from './device.mjs';
import { TokenError, cookiePurpose, deriveKey, open, seal } from './hardtack.mjs';
import { judge, unhex } from './judge.mjs';
import {
  candidates, findSession, lookUp, readDictionary, readRecord, readTicket, tryProofs, writeRecord,
} from './session.mjs';

const directory = process.env.VECTORS ?? new URL('../vectors', import.meta.url).pathname;
const read = (name) => JSON.parse(readFileSync(`${directory}/${name}`, 'utf8'));
const hex = (bytes) => Buffer.from(bytes).toString('hex');

test('keys', () => {
  for (const { master, label, purpose, prk, key_id, key } of read('keys.json').derivations) {
    const found = deriveKey(unhex(master), purpose, label);
    assert.deepEqual([hex(found.prk), found.keyId, hex(found.key)], [prk, key_id, key]);
  }
});

for (const file of ['tokens.json', 'precedence.json']) {
  test(file, () => {
    for (const vector of read(file)) {
      const { error, key, payload } = vector;
      assert.deepEqual(judge(vector), { error, key, payload }, vector.name);
    }
  });
}

test('sealing makes the same tokens', () => {
  for (const { name, keys, purpose, ad, payload, block, token } of read('tokens.json')) {
    if (block === null) continue; // refused, or written as no honest sealer does
    const header = Buffer.from(token, 'base64url').subarray(0, 24);
    const { master } = keys.find((key) => deriveKey(unhex(key.master), '').keyId === hex(header.subarray(1, 4)));
    const now = header.readUInt32BE(4);
    const settings = { master: unhex(master), purpose, ad: unhex(ad), block, now, random: header.subarray(8) };
    assert.equal(seal(unhex(payload), settings), token, name);
  }
});

test('by default a token opens now, and for a day', () => {
  const keys = [{ master: new Uint8Array(32).fill(5) }];
  const token = seal(Buffer.from('hello'), { ...keys[0], purpose: 'greeting/1' });
  assert.equal(hex(open(token, { keys, purpose: 'greeting/1' }).payload), hex(Buffer.from('hello')));
  const now = Math.floor(Date.now() / 1000);
  const old = seal(Buffer.from('hello'), { ...keys[0], purpose: 'greeting/1', now: now - 90_000 });
  assert.throws(() => open(old, { keys, purpose: 'greeting/1' }), { name: 'TokenError', code: 'Expired' });
});

const unescape = (header) =>
  Buffer.from(header.replace(/\\x(..)/g, (_, digits) => String.fromCharCode(parseInt(digits, 16))), 'latin1');

// The fields under the names of the vectors, such as created_at.
const snake = (fields) => {
  const name = (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [name(key), value]));
};

test('records.json', () => {
  for (const { name, record, dictionary, error, fields } of read('records.json')) {
    try {
      const found = readRecord(unhex(record));
      if (dictionary) found.values = readDictionary(found.data);
      const { data, values, ...rest } = found;
      assert.deepEqual({ ...snake(rest), data: hex(data) }, fields, name);
      assert.equal(hex(writeRecord(found)), record, name);
    } catch (thrown) {
      if (!(thrown instanceof TokenError)) throw thrown;
      assert.equal(thrown.code, error, name);
    }
  }
});

for (const file of ['cookies.json', 'chunks.json']) {
  test(file, () => {
    for (const { name, cookie, headers, tokens } of read(file)) {
      assert.deepEqual(candidates(headers.map(unescape), cookie), tokens, name);
    }
  });
}

const settingsOf = ({ cookie, realm, session, now, skew, floor, ...vector }) => ({
  keys: vector.keys.map((key) => ({ master: unhex(key.master), retiredAt: key.retired_at })),
  cookieName: cookie, realm, typed: session, now, skew, floor, proofLifetime: vector.lifetime,
  formers: (vector.formers ?? []).map((former) => ({
    cookieName: former.cookie, realm: former.realm, typed: former.session,
  })),
});

// A session as the vectors have it.
const shown = (found) => {
  if (found === null) return null;
  const { id, values, data } = found;
  const contents = values && Object.fromEntries([...values].map(([key, value]) => [key, hex(value)]));
  return contents ? { id, values: contents } : { id, data: hex(data) };
};

test('sessions.json', () => {
  for (const vector of read('sessions.json')) {
    const { name, headers, found, rivals } = vector;
    assert.deepEqual(shown(findSession(headers.map(unescape), settingsOf(vector))), found, name);
    assert.ok(!rivals || found === null, name);
  }
});

const deviceVectors = (kind) => {
  const vectors = read('device.json').filter((vector) => vector.kind === kind);
  assert.ok(vectors.length > 5, kind);
  return vectors;
};

test('keys of device.json', () => {
  for (const vector of deviceVectors('keys')) {
    const { name, cookie, realm, session, device_key, proof_key, challenge_key } = vector;
    const purpose = cookiePurpose(cookie, realm, session);
    const key = (label) => hex(deriveKey(unhex(vector.master), purpose, label).key);
    assert.deepEqual([key('device-proof'), key('device-challenge')], [proof_key, challenge_key], name);
    assert.equal(identifier(device_key), vector.identifier, name);
  }
});

test('proofs of device.json', () => {
  for (const vector of deviceVectors('proof')) {
    const { name, headers, login_id, device_key, errors, key } = vector;
    const record = { loginId: login_id, deviceKey: device_key };
    assert.deepEqual(tryProofs(headers.map(unescape), settingsOf(vector), record), { errors, key }, name);
  }
});

test('challenges of device.json', () => {
  let sealed = 0;
  for (const vector of deviceVectors('challenge')) {
    const { name, login_id, device_key, token, error } = vector;
    const use = { loginId: login_id ?? undefined, deviceKey: device_key ?? undefined };
    const settings = settingsOf(vector);
    let found = null;
    try {
      openChallenge(token, use, settings);
    } catch (thrown) {
      if (!(thrown instanceof TokenError)) throw thrown;
      found = thrown.code;
    }
    assert.equal(found, error, name);
    const header = Buffer.from(token, 'base64url').subarray(0, 24);
    // A former cookie's challenges are read, and not sealed.
    if (error !== null || header[0] !== 0x84 || settings.formers.length > 0) continue;
    const [now, random] = [header.readUInt32BE(4), header.subarray(8)];
    assert.equal(sealChallenge(use, { ...settings, now, random }), token, name);
    sealed += 1;
  }
  assert.ok(sealed > 5, sealed);
});

test('sessions of device.json', () => {
  for (const vector of deviceVectors('session')) {
    const { name, headers, found, binding } = vector;
    const lines = headers.map(unescape);
    const { session, binding: judged } = lookUp(lines, settingsOf(vector));
    const result = session && { ...shown(session), device_key: session.deviceKey };
    assert.deepEqual([result, judged], [found, binding], name);
    // Without device binding, only the sessions count that are bound to no device.
    const unbound = findSession(lines, { ...settingsOf(vector), proofLifetime: undefined });
    assert.equal(unbound !== null, ['unbound', 'adopts'].includes(binding), name);
    assert.equal(unbound?.deviceKey ?? null, null, name);
  }
});

test('signatures of device.json', async () => {
  for (const { name, value, device_key, error, challenge, key } of deviceVectors('jws')) {
    try {
      assert.deepEqual(await verifyProof(value, device_key ?? undefined), { challenge, deviceKey: key }, name);
    } catch (thrown) {
      if (!(thrown instanceof TokenError)) throw thrown;
      assert.equal(thrown.code, error, name);
    }
  }
});

test('tickets of stores.json', () => {
  for (const { name, ticket, error, fields } of read('stores.json').filter(({ kind }) => kind === 'ticket')) {
    try {
      assert.deepEqual(snake(readTicket(unhex(ticket))), fields, name);
    } catch (thrown) {
      if (!(thrown instanceof TokenError)) throw thrown;
      assert.equal(thrown.code, error, name);
    }
  }
});
