// node run.mjs FILE: runs the site, with this host's randomness. The times are made up.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { webcrypto } from 'node:crypto';

let memory;
const fill = (to, length) => webcrypto.getRandomValues(new Uint8Array(memory.buffer, to, length));
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), { host: { fill } });
memory = instance.exports.memory;
const { visits_at: visitsAt } = instance.exports;
const noon = 1_700_000_000;
assert.equal(visitsAt(noon, noon + 1800), 2);
// By the caller's clock the session is over.
assert.equal(visitsAt(noon, noon + 1801), 1);
