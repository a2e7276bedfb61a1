// Tokens of hardtack (format version 1) in JavaScript: one file to copy into a Node service that shares tokens or
// sessions with a Rust one. Written from the format document, on @noble/ciphers and @noble/hashes 2.
//
//   const keys = [{ master: Buffer.from(process.env.KEY, 'base64') }];
//   const token = seal(payload, { ...keys[0], purpose: 'greeting/1' });
//   const { payload, issuedAt, keyId } = open(token, { keys, purpose: 'greeting/1' });
//
// Bytes are Uint8Array, times are Unix seconds. A token that is refused throws a TokenError with a `code`.

import { randomBytes } from 'node:crypto';
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js';
import { expand, extract } from '@noble/hashes/hkdf.js';
import { sha256 } from '@noble/hashes/sha2.js';

const PLAIN = 0x84;
const PADDED = 0x85;
const LAST_SECOND = 0xffffffff;
const utf8 = new TextEncoder();

export class TokenError extends Error {
  constructor(code, message, keyId) {
    super(message);
    Object.assign(this, { name: 'TokenError', code, keyId });
  }
}

/** `label` is `seal` for codec tokens and `cookie` for sessions. `cookiePurpose` makes the purpose of a session. */
export function deriveKey(master, purpose, label = 'seal') {
  if (master.length !== 32) throw new TypeError(`a key is 32 bytes, found ${master.length}`);
  const prk = extract(sha256, master, utf8.encode('hardtack v1'));
  const keyId = Buffer.from(expand(sha256, prk, utf8.encode('key id'), 3)).toString('hex');
  return { prk, keyId, key: expand(sha256, prk, utf8.encode(`${label}\0${purpose}`), 32) };
}

export function cookiePurpose(cookieName, realm = '', typedSession = '') {
  return [cookieName, realm, typedSession].join('\0');
}

/** `ad`: undefined for a plain token, bytes (also none) for a bound one. `block` 0 or 1: no padding. */
export function seal(payload, { master, purpose, label, ad, block = 0, now = unixNow(), random = randomBytes(16) }) {
  if (!Number.isInteger(now) || now < 0 || now >= LAST_SECOND) throw new RangeError(`${now} cannot be sealed`);
  const { key, keyId } = deriveKey(master, purpose, label);
  let plaintext = payload;
  if (block > 1) {
    plaintext = new Uint8Array(Math.ceil((payload.length + 1) / block) * block);
    plaintext.set(payload);
    plaintext[payload.length] = 0x80;
  }
  const header = Buffer.alloc(24);
  header[0] = block > 1 ? PADDED : PLAIN;
  header.write(keyId, 1, 'hex');
  header.writeUInt32BE(now, 4);
  header.set(random, 8);
  const boxed = xchacha20poly1305(key, header, associated(ad)).encrypt(plaintext);
  return Buffer.concat([header, boxed]).toString('base64url');
}

/** `keys`: `{ master, retiredAt? }` each; `floor`: nothing issued earlier opens. Durations are seconds. */
export function open(token, settings) {
  const { keys, purpose, label, ad, now = unixNow(), skew = 60, maxAge = 86400, floor = 0, limit = 16384 } = settings;
  if (Buffer.byteLength(token) > limit) throw new TokenError('TooLong', 'the token is too long');
  const bytes = Buffer.from(token, 'base64url');
  // Node's decoder is lax. Exactly one text is canonical, and it is the one that encoding gives.
  if (bytes.toString('base64url') !== token || bytes.length < 40) throw invalid();
  const header = bytes.subarray(0, 24);
  if (header[0] !== PLAIN && header[0] !== PADDED) {
    throw new TokenError('UnknownVersion', 'the token has an unknown version');
  }
  const keyId = header.toString('hex', 1, 4);
  const derived = keys.map(({ master, retiredAt }) => ({ retiredAt, ...deriveKey(master, purpose, label) }));
  const named = derived.find((candidate) => candidate.keyId === keyId);
  if (!named) throw new TokenError('UnknownKey', `no key of the ring has the id ${keyId}`, keyId);
  let payload;
  try {
    payload = xchacha20poly1305(named.key, header, associated(ad)).decrypt(bytes.subarray(24));
  } catch {
    throw invalid();
  }
  const issuedAt = header.readUInt32BE(4);
  if (issuedAt === LAST_SECOND || issuedAt > now + skew) {
    throw new TokenError('NotYetValid', 'the token is from the future');
  }
  if (issuedAt < floor || issuedAt > (named.retiredAt ?? Infinity) + skew) {
    throw new TokenError('Revoked', 'the token was revoked');
  }
  if (now - issuedAt > maxAge) throw new TokenError('Expired', 'the token has expired');
  if (header[0] === PADDED) {
    const end = payload.findLastIndex((byte) => byte !== 0);
    if (payload[end] !== 0x80) throw malformed('the padding has no end');
    payload = payload.subarray(0, end);
  }
  return { payload, issuedAt, keyId };
}

function associated(ad) {
  return ad === undefined ? new Uint8Array() : Buffer.concat([Uint8Array.of(1), ad]);
}

function unixNow() {
  return Math.floor(Date.now() / 1000);
}

function invalid() {
  return new TokenError('Invalid', 'the token is not valid');
}

function malformed(message) {
  return new TokenError('Payload', message);
}
