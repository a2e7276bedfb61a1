// node serve.mjs: serves the page on HARDTACK_ADDR, or on port 3002.

import { serve } from '@hono/node-server';
import { makeApp } from './app.mjs';

const [hostname, port] = (process.env.HARDTACK_ADDR ?? '127.0.0.1:3002').split(':');
serve({ fetch: makeApp({ keys: process.env.HARDTACK_KEYS }).fetch, hostname, port: Number(port) }, (info) => {
  console.log(`listening on http://localhost:${info.port}/`);
});
