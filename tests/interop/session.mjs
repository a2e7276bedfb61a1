// Sessions of hardtack (format version 1) in JavaScript: the second file to copy, beside hardtack.mjs.
//
//   const session = findSession(request.headers.cookie, { keys, cookieName: '__Host-session' });
//   const cart = session && decodeCbor(session.values.get('cart'));
//
// The values of a dictionary are CBOR items, one each, for a decoder of your choice. A typed session has `data`.

import { TokenError, cookiePurpose, open } from './hardtack.mjs';

const LEVELS = ['info', 'success', 'warning', 'error'];
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The session in a Cookie header (a Buffer, or a string of one character a byte as Node gives it), or null. `typed` is
 * the name of a typed session. `limits` are the settings of today, `{ idle, lifetime }` in seconds: the earlier of them
 * and the record's counts. A cookie that is refused is no reason to remove it: another instance may know it.
 */
export function findSession(header, settings) {
  const { keys, cookieName, realm, typed = '', now, skew, floor = 0, limits = {}, rememberedLimits = limits } = settings;
  const purpose = cookiePurpose(cookieName, realm, typed);
  const time = now ?? Math.floor(Date.now() / 1000);
  let latest = null;
  for (const token of candidates([header ?? ''], cookieName)) {
    if (token === null) continue;
    try {
      const opened = open(token, { keys, purpose, label: 'cookie', now: time, skew, floor, maxAge: Infinity });
      const record = readRecord(opened.payload);
      const { idle = Infinity, lifetime = Infinity } = record.remembered ? rememberedLimits : limits;
      if (time > opened.issuedAt + Math.min(record.idleLimit, idle)) continue;
      if (time > record.createdAt + Math.min(record.lifetime, lifetime) || record.createdAt < floor) continue;
      if (typed === '') record.values = readDictionary(record.data);
      if (latest === null || opened.issuedAt > latest.issuedAt) latest = { ...record, issuedAt: opened.issuedAt };
    } catch (error) {
      if (!(error instanceof TokenError)) throw error;
    }
  }
  return latest;
}

/** The tokens under the name, in the order received; null is one of which a part is missing. */
export function candidates(headers, name) {
  const fields = headers.flatMap((header) => Buffer.from(header, 'latin1').toString('latin1').split(';'));
  const pairs = fields
    .filter((field) => field.includes('=') && !/[\x80-\xff]/.test(field))
    .map(trim)
    .map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]);
  const found = [];
  let sum = 0;
  for (const [key, value] of pairs) {
    if (key !== name) continue;
    const token = /^[2-9]\./.test(value) ? join(pairs, name, Number(value[0]), value.slice(2)) : value;
    sum += token?.length ?? 0;
    if (sum > 65536) break;
    found.push(token);
  }
  return found;
}

// SP and HTAB only: String.trim takes a foreign name with a no-break space for ours.
function trim(field) {
  let [from, to] = [0, field.length];
  while (' \t'.includes(field[from] ?? 'x')) from++;
  while (to > from && ' \t'.includes(field[to - 1])) to--;
  return field.slice(from, to);
}

function join(pairs, name, count, first) {
  if (first.length < 32) return null;
  const start = `${first.slice(24, 32)}.`;
  let token = first;
  for (let k = 1; k < count; k++) {
    const part = pairs.find(([key, value]) => key === `${name}.${k}` && value.startsWith(start));
    if (part === undefined) return null;
    token += part[1].slice(start.length);
  }
  return token;
}

class Reader {
  constructor(bytes) {
    this.rest = Buffer.from(bytes);
  }

  take(length) {
    if (length > this.rest.length) throw new TokenError('Payload', 'the record ends too early');
    const taken = this.rest.subarray(0, length);
    this.rest = this.rest.subarray(length);
    return taken;
  }

  byte() {
    return this.take(1)[0];
  }

  varint(bits) {
    let value = 0n;
    for (let shift = 0; shift < bits; shift += 7) {
      const byte = this.byte();
      value |= BigInt(byte & 0x7f) << BigInt(shift);
      if (byte < 0x80) {
        if (value >> BigInt(bits)) break;
        return Number(value); // inexact only where there cannot be that many bytes
      }
    }
    throw new TokenError('Payload', 'a number is too large');
  }

  bytes() {
    return this.take(this.varint(64));
  }

  string() {
    try {
      return strict.decode(this.bytes());
    } catch (error) {
      if (error instanceof TokenError) throw error;
      throw new TokenError('Payload', 'a text is not UTF-8');
    }
  }
}

export function readRecord(payload) {
  const reader = new Reader(payload);
  if (reader.byte() !== 1) throw new TokenError('UnknownLayout', 'another version may know this layout');
  const record = {
    schema: reader.byte(),
    id: reader.take(16).toString('hex'),
    createdAt: reader.varint(32),
    idleLimit: reader.varint(32),
    lifetime: reader.varint(32),
    remembered: (reader.byte() & 1) === 1,
    flashes: [],
  };
  for (let count = reader.varint(64); count > 0; count--) {
    const level = LEVELS[reader.byte()];
    if (level === undefined) throw new TokenError('Payload', 'a flash has an unknown level');
    record.flashes.push({ level, text: reader.string() });
  }
  return { ...record, data: reader.rest };
}

/** A Map of the values, each one CBOR item. */
export function readDictionary(data) {
  const reader = new Reader(data);
  const values = new Map();
  let last = null;
  for (let count = reader.varint(64); count > 0; count--) {
    const key = reader.string();
    if (last !== null && Buffer.compare(Buffer.from(last), Buffer.from(key)) >= 0) {
      throw new TokenError('Payload', 'the keys are not in ascending order');
    }
    values.set(key, reader.bytes());
    last = key;
  }
  if (reader.rest.length > 0) throw new TokenError('Payload', 'bytes are left over');
  return values;
}

/** The payload of a session token; `values` is a Map of CBOR items, or else there is `data`. */
export function writeRecord({ schema = 0, id, createdAt, idleLimit, lifetime, remembered, flashes = [], values, data }) {
  return Buffer.concat([
    Buffer.of(1, schema),
    Buffer.from(id, 'hex'),
    ...[createdAt, idleLimit, lifetime].map(varint),
    Buffer.of(remembered ? 1 : 0),
    varint(flashes.length),
    ...flashes.flatMap(({ level, text }) => [Buffer.of(LEVELS.indexOf(level)), prefixed(text)]),
    values === undefined ? data : writeDictionary(values),
  ]);
}

function writeDictionary(values) {
  const entries = [...values].sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  return Buffer.concat([varint(entries.length), ...entries.flat().map(prefixed)]);
}

function prefixed(bytes) {
  const buffer = Buffer.from(bytes);
  return Buffer.concat([varint(buffer.length), buffer]);
}

function varint(value) {
  const bytes = [];
  for (; value >= 0x80; value = Math.floor(value / 0x80)) bytes.push((value % 0x80) | 0x80);
  return Buffer.of(...bytes, value);
}
