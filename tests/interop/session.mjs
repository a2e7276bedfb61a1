// Sessions of hardtack (format version 1) in JavaScript: the second file to copy, beside hardtack.mjs.
//
//   const session = findSession(request.headers.cookie, { keys, cookieName: '__Host-session' });
//   const cart = session && decodeCbor(session.values.get('cart'));
//
// The values of a dictionary are CBOR items, one each, for a decoder of your choice. A typed session has `data`.

import { TokenError, cookiePurpose, open } from './hardtack.mjs';

const LEVELS = ['info', 'success', 'warning', 'error'];
const [REMEMBERED, DEVICE_KEY, SUBJECT, LOGIN] = [1, 2, 4, 8]; // bits of the flags
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The session in the Cookie header, or null. The header is a Buffer, a string of one character a byte as Node gives it,
 * or an array of several header lines. `typed` is the name of a typed session. `limits` are the settings of today,
 * `{ idle, lifetime }` in seconds: the earlier of them and the record's counts. `formers` are the cookies that the site
 * had before and still reads, each `{ cookieName, realm, typed }`. A refused cookie is no reason to remove
 * it, because another instance may know it. Sessions that lie in a store are refused, and so are those that are bound to a
 * device, unless there is a `proofLifetime` (seconds): then they count together with the proof cookie of that device.
 */
export function findSession(header, settings) {
  return lookUp(header, settings).session;
}

/**
 * The session that `findSession` returns, whether there is none because two logins are `rivals`, whether it `isFormer`, and
 * whether any cookie is `authentic`. `binding` is null without a `proofLifetime`.
 */
export function lookUp(header, settings) {
  const { keys, cookieName, realm, typed = '', formers = [], now, skew = 60, floor = 0 } = settings;
  const { limits = {}, rememberedLimits = limits, proofLifetime } = settings;
  const time = now ?? Math.floor(Date.now() / 1000);
  const cookies = [{ cookieName, realm, typed }, ...formers];
  const budget = { count: 16, length: 65536 };
  const found = { present: [], former: [] };
  let authentic = false;
  for (const name of new Set(cookies.map((cookie) => cookie.cookieName))) {
    for (const token of candidates([header ?? ''].flat(), name, budget)) {
      if (token === null) continue;
      try {
        const { cookie, opened } = openFor(token, cookies.filter((cookie) => cookie.cookieName === name), {
          keys, label: 'cookie', now: time, skew, floor, maxAge: Infinity, limit: 9 * 4096,
        });
        authentic = true;
        const { issuedAt } = opened;
        const record = readRecord(opened.payload);
        if (record.deviceKey !== null && proofLifetime === undefined) throw unknownLayout();
        if (record.createdAt > issuedAt + skew || record.createdAt < floor) continue;
        const { idle = Infinity, lifetime = Infinity } = record.remembered ? rememberedLimits : limits;
        if (time > issuedAt + Math.min(record.idleLimit, idle)) continue;
        if (time > record.createdAt + Math.min(record.lifetime, record.longest, lifetime)) continue;
        if (typed === '') record.values = readDictionary(record.data);
        found[cookie === cookies[0] ? 'present' : 'former'].push({ name, session: { ...record, issuedAt, keyId: opened.keyId } });
      } catch (error) {
        if (!(error instanceof TokenError)) throw error;
        authentic ||= ['NotYetValid', 'Revoked', 'Expired', 'Payload', 'UnknownLayout'].includes(error.code);
      }
    }
  }
  const isFormer = found.present.length === 0;
  const { session, rivals } = counting(isFormer ? found.former : found.present);
  const told = { session, rivals, isFormer, authentic, binding: null };
  if (session === null || proofLifetime === undefined) return told;
  const { key } = tryProofs(header, settings, session);
  if (session.deviceKey !== null && key === null) return { ...told, session: null, binding: 'unproven' };
  const binding = session.deviceKey !== null ? 'proven' : key !== null ? 'adopts' : 'unbound';
  // An unbound session takes the key of a proof, for whoever saves it.
  return { ...told, session: { ...session, deviceKey: key }, binding };
}

/**
 * What the proof cookies say of a session of this login, with this device key or null: why each does not count (null if
 * it does), and the `key` of the one that counts. The settings are those of `findSession`.
 */
export function tryProofs(header, settings, { loginId, deviceKey }) {
  const { keys, cookieName, realm, typed, formers = [], now, skew = 60, floor = 0, proofLifetime } = settings;
  const time = now ?? Math.floor(Date.now() / 1000);
  const cookies = [{ cookieName, realm, typed }, ...formers];
  const budget = { count: 16, length: 65536 };
  const [errors, good] = [[], []];
  for (const name of new Set(cookies.map((cookie) => cookie.cookieName))) {
    for (const token of wholeTokens([header ?? ''].flat(), `${name}-bound`, budget)) {
      try {
        const { opened } = openFor(token, cookies.filter((cookie) => cookie.cookieName === name), {
          keys, label: 'device-proof', now: time, skew, floor, maxAge: proofLifetime + skew,
        });
        const proof = readProof(opened.payload);
        if (proof.loginId !== loginId) throw new TokenError('OtherLogin', 'the proof is of another login');
        if (![null, proof.deviceKey].includes(deviceKey)) throw new TokenError('OtherKey', 'the proof is of another key');
        errors.push(null);
        good.push({ ...proof, issuedAt: opened.issuedAt });
      } catch (error) {
        if (!(error instanceof TokenError)) throw error;
        errors.push(error.code);
      }
    }
  }
  const newest = good.reduce((latest, one) => (latest && latest.issuedAt >= one.issuedAt ? latest : one), null);
  return { errors, key: newest && newest.deviceKey };
}

function readProof(payload) {
  const reader = new Reader(payload);
  const proof = { loginId: reader.take(8).toString('hex'), deviceKey: readDeviceKey(reader) };
  if (reader.rest.length > 0) throw new TokenError('Payload', 'bytes are left over');
  return proof;
}

// The first cookie whose purpose the token was sealed for.
function openFor(token, cookies, settings) {
  for (const cookie of cookies) {
    const { cookieName, realm, typed } = cookie;
    try {
      return { cookie, opened: open(token, { ...settings, purpose: cookiePurpose(cookieName, realm, typed) }) };
    } catch (error) {
      if (error.code !== 'Invalid') throw error;
    }
  }
  throw new TokenError('Invalid', 'the token is for none of these cookies');
}

function counting(found) {
  // A sibling domain can set a name without the prefix, and so plant a session of its own: then none counts.
  const isRival = (one, other) => one.name === other.name && one.session.loginId !== other.session.loginId;
  const plantable = found.filter(({ name }) => !name.startsWith('__Host-'));
  if (plantable.some((one) => plantable.some((other) => isRival(one, other)))) return { session: null, rivals: true };
  const sessions = found.map(({ session }) => session);
  const newest = (latest, one) => (latest && latest.issuedAt >= one.issuedAt ? latest : one);
  return { session: sessions.reduce(newest, null), rivals: false };
}

/**
 * The cookies of a token, as names and values: several if it does not fit into one of 4,096 bytes. `attributes` is the
 * length of the longest attributes.
 */
export function cut(token, cookieName, attributes) {
  const whole = 4096 - cookieName.length - 1 - attributes;
  if (token.length <= whole) return [[cookieName, token]];
  const start = `${token.slice(24, 32)}.`;
  const size = whole - 2 - start.length;
  const parts = [];
  for (let at = whole - 2; at < token.length; at += size) parts.push(token.slice(at, at + size));
  const others = parts.map((part, k) => [`${cookieName}.${k + 1}`, start + part]);
  return [[cookieName, `${parts.length + 1}.${token.slice(0, whole - 2)}`], ...others];
}

/** Names and values of the cookies of a request. */
export function cookiePairs(headers) {
  const fields = headers.map((header) => Buffer.from(header, 'latin1').toString('latin1')).join('; ').split(';');
  return fields
    .slice(0, 1000)
    .filter((field) => field.includes('=') && !/[\x80-\xff]/.test(field))
    .map(trim)
    .map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)]);
}

/**
 * The tokens under the name, in the order received; null is one of which a part is missing. `headers` are the Cookie
 * lines of the request: HTTP/2 may send several. Names that share a budget have 16 candidates together.
 */
export function candidates(headers, name, budget = { count: 16, length: 65536 }) {
  const pairs = cookiePairs(headers);
  const tokenOf = (value) => (/^[2-9]\./.test(value) ? join(pairs, name, Number(value[0]), value.slice(2)) : value);
  return distinct(pairs, name, budget, tokenOf);
}

// The same for tokens that are never cut into several cookies.
function wholeTokens(headers, name, budget) {
  return distinct(cookiePairs(headers), name, budget, (value) => value);
}

function distinct(pairs, name, budget, tokenOf) {
  const found = [];
  for (const [key, value] of pairs) {
    if (key !== name) continue;
    const token = tokenOf(value);
    if (token !== null && found.includes(token)) continue;
    budget.length -= token?.length ?? 0;
    if (budget.count === 0 || budget.length < 0) {
      budget.count = 0;
      break;
    }
    budget.count -= 1;
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

  // The shortest form only.
  number(bits = 32) {
    const { rest } = this;
    const value = this.varint(bits);
    if (rest.length - this.rest.length > varint(value).length) {
      throw new TokenError('Payload', 'a number is longer than it has to be');
    }
    return value;
  }

  bytes() {
    return this.take(this.varint(64));
  }

  string(bytes = this.bytes()) {
    try {
      return strict.decode(bytes);
    } catch (error) {
      if (error instanceof TokenError) throw error;
      throw new TokenError('Payload', 'a text is not UTF-8');
    }
  }
}

export function readRecord(payload) {
  const reader = new Reader(payload);
  if (reader.byte() !== 1) throw unknownLayout();
  const [schema, id, loginId] = [reader.byte(), reader.take(16).toString('hex'), reader.take(8).toString('hex')];
  const flags = reader.byte();
  if (flags & 0xf0) throw unknownLayout();
  const record = { schema, id, loginId, ...readFlags(flags), ...readTimes(reader), deviceKey: null, subject: null };
  if (flags & DEVICE_KEY) record.deviceKey = readDeviceKey(reader);
  if (flags & SUBJECT) {
    const length = reader.number(64);
    if (length < 1 || length > 255) throw new TokenError('Payload', 'a subject has 1 to 255 bytes');
    record.subject = reader.string(reader.take(length));
  }
  const flashes = [];
  for (let count = reader.varint(64); count > 0; count--) {
    const level = LEVELS[reader.byte()];
    if (level === undefined) throw new TokenError('Payload', 'a flash has an unknown level');
    flashes.push({ level, text: reader.string() });
  }
  return { ...record, flashes, data: reader.rest };
}

/** The payload of a session token whose record lies in a store. `secret` opens that record. */
export function readTicket(payload) {
  const reader = new Reader(payload);
  if (reader.byte() !== 2) throw unknownLayout();
  const [id, loginId] = [reader.take(16).toString('hex'), reader.take(8).toString('hex')];
  const flags = reader.byte();
  if (flags & ~(REMEMBERED | LOGIN)) throw unknownLayout();
  const secret = reader.take(16).toString('hex');
  const ticket = { id, loginId, ...readFlags(flags), secret, ...readTimes(reader) };
  if (reader.rest.length > 0) throw new TokenError('Payload', 'bytes are left over');
  return ticket;
}

function readDeviceKey(reader) {
  const key = reader.take(33);
  if (key[0] !== 2 && key[0] !== 3) throw new TokenError('Payload', 'the device key is not a compressed point');
  return key.toString('hex');
}

function readFlags(flags) {
  return { remembered: (flags & REMEMBERED) !== 0, login: (flags & LOGIN) !== 0 };
}

function readTimes(reader) {
  const [createdAt, idleLimit] = [reader.number(), reader.number()];
  return { createdAt, idleLimit, lifetime: reader.number(), longest: reader.number() };
}

function unknownLayout() {
  return new TokenError('UnknownLayout', 'another version may know this layout');
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
export function writeRecord(record) {
  const { schema = 0, id, loginId, remembered, login, deviceKey = null, subject = null } = record;
  const { createdAt, idleLimit, lifetime, longest, flashes = [], values, data } = record;
  const bits = [
    [remembered, REMEMBERED],
    [login, LOGIN],
    [deviceKey !== null, DEVICE_KEY],
    [subject !== null, SUBJECT],
  ];
  return Buffer.concat([
    Buffer.of(1, schema),
    Buffer.from(id + loginId, 'hex'),
    Buffer.of(bits.reduce((flags, [set, bit]) => flags | (set ? bit : 0), 0)),
    ...[createdAt, idleLimit, lifetime, longest].map(varint),
    Buffer.from(deviceKey ?? '', 'hex'),
    subject === null ? Buffer.of() : prefixed(subject),
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
