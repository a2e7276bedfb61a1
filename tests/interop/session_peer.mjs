// Answers one JSON request a line: `op` is `seal` or `open`. It seals and opens sessions with what an application copies. A
// value is as in ../format/interop_sessions.rs.

import { createInterface } from 'node:readline';
import { randomBytes } from 'node:crypto';
import { decodeValue, encodeValue } from './hardtack-hono.mjs';
import { cookiePurpose, seal } from './hardtack.mjs';
import { cut, findSession, writeRecord } from './session.mjs';

const entries = (object, each) => Object.entries(object).map(([key, value]) => [key, each(value)]);

function fromWire(wire) {
  if (wire === null || typeof wire !== 'object') return wire;
  if (Array.isArray(wire)) return wire.map(fromWire);
  if (wire.map) return Object.fromEntries(entries(wire.map, fromWire));
  if (wire.bytes !== undefined) return Uint8Array.from(Buffer.from(wire.bytes, 'hex'));
  if (wire.float) return Buffer.from(wire.float, 'hex').readDoubleBE();
  const big = BigInt(wire.int);
  return Number.isSafeInteger(Number(big)) ? Number(big) : big;
}

function toWire(value) {
  if (value === null || ['string', 'boolean'].includes(typeof value)) return value;
  if (typeof value === 'bigint') return { int: `${value}` };
  if (typeof value === 'number') {
    const bits = Buffer.alloc(8);
    bits.writeDoubleBE(value);
    return { float: bits.toString('hex') };
  }
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('hex') };
  if (Array.isArray(value)) return value.map(toWire);
  return { map: Object.fromEntries(entries(value, toWire)) };
}

function header({ keys, name, realm, issued_at: now }, record) {
  const settings = { master: Buffer.from(keys[0], 'hex'), purpose: cookiePurpose(name, realm), label: 'cookie', now };
  const token = seal(writeRecord(record), { ...settings, random: randomBytes(16) });
  return cut(token, name, 80).map((pair) => pair.join('=')).join('; ');
}

function answer(ask) {
  if (ask.op === 'seal') {
    const values = new Map(entries(ask.values, (wire) => encodeValue(fromWire(wire))));
    return { header: header(ask, { ...ask.record, values }) };
  }
  const keys = ask.keys.map((key) => ({ master: Buffer.from(key, 'hex') }));
  const found = findSession(ask.header, { keys, cookieName: ask.name, realm: ask.realm, now: ask.now });
  if (found === null) return null;
  const { values, data, keyId, issuedAt, ...record } = found;
  const shown = Object.fromEntries([...values].map(([key, item]) => [key, toWire(decodeValue(item))]));
  return { record, values: shown, issued_at: issuedAt, again: header(ask, found) };
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)))}\n`);
}
