// The vectors against hardtack.mjs; VECTORS is their directory if it is not ../vectors.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { deriveKey, open, seal } from './hardtack.mjs';
import { judge, unhex } from './judge.mjs';

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
