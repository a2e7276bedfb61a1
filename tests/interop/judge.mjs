// What a token vector, or a request of the same fields, comes to: { error, key, payload }.

import { TokenError, open } from './hardtack.mjs';

export const unhex = (text) => (text === null ? undefined : Buffer.from(text, 'hex'));

export function judge(vector) {
  const keys = vector.keys.map((key) => ({ master: unhex(key.master), retiredAt: key.retired_at }));
  const { purpose, now, skew, floor, limit } = vector;
  try {
    const settings = { keys, purpose, ad: unhex(vector.ad), now, skew, maxAge: vector.max_age, floor, limit };
    const { payload, keyId } = open(vector.token, settings);
    if (vector.reads === 'string' && !isString(payload)) throw new TokenError('Payload', 'not a string');
    return { error: null, key: keyId, payload: Buffer.from(payload).toString('hex') };
  } catch (error) {
    if (!(error instanceof TokenError)) throw error;
    return { error: error.code, key: error.keyId ?? null, payload: null };
  }
}

// postcard's encoding of a string and nothing else
function isString(payload) {
  let length = 0n;
  for (let i = 0; i < Math.min(payload.length, 10); i++) {
    length |= BigInt(payload[i] & 0x7f) << BigInt(7 * i);
    if (payload[i] < 0x80) {
      const text = payload.subarray(i + 1);
      try {
        new TextDecoder('utf-8', { fatal: true }).decode(text);
      } catch {
        return false;
      }
      return BigInt(text.length) === length;
    }
  }
  return false;
}
