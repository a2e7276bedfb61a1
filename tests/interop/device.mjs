// Device binding of hardtack (format version 1) in JavaScript, beside hardtack.mjs and session.mjs: challenges, and the
// name of a device's key. session.mjs reads the proof cookies.

import { createHash } from 'node:crypto';
import { TokenError, cookiePurpose, open, seal } from './hardtack.mjs';

const LABEL = 'device-challenge';

/** The `session_identifier` of a device key, which is hexadecimal. */
export function identifier(deviceKey) {
  const digest = createHash('sha256').update(Buffer.from(deviceKey, 'hex')).digest();
  return digest.subarray(0, 16).toString('base64url');
}

/**
 * Throws a TokenError if this is no good challenge: of a registration `{ loginId }`, or of a refresh `{ deviceKey }`.
 * The settings are those of `findSession`.
 */
export function openChallenge(token, use, { keys, cookieName, realm, typed, now, skew, floor }) {
  const purpose = cookiePurpose(cookieName, realm, typed);
  const settings = { keys, purpose, label: LABEL, now, skew, floor, ...boundTo(use) };
  if (open(token, settings).payload.length > 0) throw new TokenError('Payload', 'a challenge has no payload');
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
