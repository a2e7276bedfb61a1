// Device binding of hardtack (format version 1) in JavaScript, beside hardtack.mjs and session.mjs: challenges, the name of
// a device's key, and what the device signs. session.mjs reads the proof cookies.

import { ECDH, createHash, webcrypto } from 'node:crypto';
import { TokenError, cookiePurpose, open, seal } from './hardtack.mjs';

const LABEL = 'device-challenge';
const MAX_LEN = 2048;
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The `session_identifier` of a device key, which is hexadecimal. */
export function identifier(deviceKey) {
  const digest = createHash('sha256').update(Buffer.from(deviceKey, 'hex')).digest();
  return digest.subarray(0, 16).toString('base64url');
}

/**
 * Throws a TokenError if this is no good challenge: of a registration `{ loginId }`, or of a refresh `{ deviceKey }`.
 * The settings are those of `findSession`.
 */
export function openChallenge(token, use, { keys, cookieName, realm, typed, formers = [], now, skew, floor }) {
  const openFor = ({ cookieName, realm, typed }) => {
    const purpose = cookiePurpose(cookieName, realm, typed);
    return open(token, { keys, purpose, label: LABEL, now, skew, floor, ...boundTo(use) });
  };
  let opened;
  for (const cookie of [{ cookieName, realm, typed }, ...formers]) {
    try {
      opened = openFor(cookie);
      break;
    } catch (error) {
      // A token of another purpose does not authenticate under this one.
      if (!(error instanceof TokenError) || error.code !== 'Invalid') throw error;
    }
  }
  if (opened === undefined) throw new TokenError('Invalid', 'no cookie has this challenge');
  if (opened.payload.length > 0) throw new TokenError('Payload', 'a challenge has no payload');
}

/** A challenge by the first key. */
export function sealChallenge(use, { keys, cookieName, realm, typed, now, random }) {
  const { ad } = boundTo(use);
  const purpose = cookiePurpose(cookieName, realm, typed);
  return seal(new Uint8Array(), { master: keys[0].master, purpose, label: LABEL, ad, now, random });
}

function boundTo({ loginId, deviceKey }) {
  if (deviceKey === undefined) return { ad: Buffer.from(`00${loginId}`, 'hex'), maxAge: 300 };
  return { ad: Buffer.from(`01${deviceKey}`, 'hex'), maxAge: 60 };
}

/**
 * The `challenge` that a device signed in the value of a Secure-Session-Response header, and its `deviceKey`. Without a
 * device key, it is a registration: the key is the one that it names. Throws a TokenError with the code `Unreadable`, `NoKey`
 * or `Unsigned`.
 */
export async function verifyProof(value, deviceKey) {
  const { challenge, named, signed, signature } = readProof(value);
  if (deviceKey === undefined && named === null) throw new TokenError('NoKey', 'a registration has to name a key');
  const point = deviceKey === undefined ? named : decompress(deviceKey);
  if (named !== null && !named.equals(point)) throw unsigned();
  const key = await webcrypto.subtle.importKey('raw', point, ECDSA, false, ['verify']).catch(() => null);
  const isSigned = key !== null && (await webcrypto.subtle.verify(ECDSA, key, signature, Buffer.from(signed)));
  if (!isSigned) throw unsigned();
  return { challenge, deviceKey: ECDH.convertKey(point, 'prime256v1', null, 'hex', 'compressed') };
}

function decompress(deviceKey) {
  try {
    return ECDH.convertKey(deviceKey, 'prime256v1', 'hex', null, 'uncompressed');
  } catch {
    throw unsigned();
  }
}

// A JWS in compact form, bare or in quotation marks. Behind these, parameters are ignored, and so are unknown members.
function readProof(value) {
  const jws = /^"([^"]*)"(?:;.*)?$/s.exec(value)?.[1] ?? value;
  const parts = jws.split('.');
  if (jws.length > MAX_LEN || parts.length !== 3) throw unreadable();
  const [header, payload, signature] = parts.map(decode);
  const { typ, alg, crit, jwk } = readObject(header);
  const { jti: challenge } = readObject(payload);
  // The proof does not choose its algorithm, and `crit` asks for extensions, of which there are none here.
  if (typ !== 'dbsc+jwt' || alg !== 'ES256' || crit !== undefined) throw unreadable();
  if (typeof challenge !== 'string' || signature.length !== 64) throw unreadable();
  return { challenge, signature, signed: parts.slice(0, 2).join('.'), named: jwk === undefined ? null : readJwk(jwk) };
}

function readJwk(jwk) {
  const { kty, crv, x, y, d } = jwk ?? {};
  if (kty !== 'EC' || crv !== 'P-256' || d !== undefined) throw unreadable();
  const [one, other] = [x, y].map(decode);
  if (one.length !== 32 || other.length !== 32) throw unreadable();
  return Buffer.concat([Buffer.of(4), one, other]);
}

// Exactly one text is canonical, and it is the one that encoding gives.
function decode(text) {
  const bytes = typeof text === 'string' && Buffer.from(text, 'base64url');
  if (!bytes || bytes.toString('base64url') !== text) throw unreadable();
  return bytes;
}

// What is no object has none of the members that a proof needs.
function readObject(bytes) {
  let [text, object] = [null, null];
  try {
    text = strict.decode(bytes);
    object = JSON.parse(text);
  } catch {
    throw unreadable();
  }
  if (object === null || hasTwins(text)) throw unreadable();
  return object;
}

// Whether an object in this JSON, however deep, has two members of one name: JSON.parse takes the last.
function hasTwins(json) {
  const open = [];
  let text = null;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]:]/g)) {
    if (token === '{' || token === '[') open.push(new Set());
    if (token === '}' || token === ']') open.pop();
    if (token === ':') {
      const name = JSON.parse(text);
      if (open.at(-1).has(name)) return true;
      open.at(-1).add(name);
    }
    text = token;
  }
  return false;
}

function unreadable() {
  return new TokenError('Unreadable', 'this is not what a device signs');
}

function unsigned() {
  return new TokenError('Unsigned', 'the key did not sign this');
}
