// Answers one JSON request a line: `op` is `seal` or `open`.

import { createInterface } from 'node:readline';
import { seal } from './hardtack.mjs';
import { judge, unhex } from './judge.mjs';

function answer(ask) {
  if (ask.op === 'open') return judge(ask);
  const { purpose, block, now } = ask;
  const settings = { master: unhex(ask.master), purpose, ad: unhex(ask.ad), block, now, random: unhex(ask.random) };
  try {
    return { token: seal(unhex(ask.payload), settings) };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return { token: null };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(answer(JSON.parse(line)))}\n`);
}
