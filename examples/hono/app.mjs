// A page of Hono in the same site as the example on Axum: log in there, put into the cart here. It reads the same
// HARDTACK_KEYS as the example, and stands behind the same proxy, under /hono/.

import { Hono } from 'hono';
import { html } from 'hono/html';
import { hardtackSessions } from './hardtack-hono.mjs';

export function makeApp(settings) {
  const app = new Hono();
  app.use(hardtackSessions(settings));
  app.get('/hono/', (c) => {
    const session = c.get('session');
    const flashes = session.takeFlashes().map(({ text }) => html`<p class="flash">${text}</p>`);
    const lines = Object.entries(session.get('cart') ?? {}).map(([ware, count]) => html`<li id="count-${ware}">${count}</li>`);
    return c.html(html`<!doctype html><title>Cart</title><p id="server">Hono</p>${flashes}
      <p id="user">${session.get('user') ?? ''}</p><ul>${lines}</ul>
      <form method="post" action="/hono/cart"><button name="ware" value="Biscuit">Add</button></form>
      <form method="post" action="/hono/logout"><button>Log out</button></form>`);
  });
  app.post('/hono/cart', async (c) => {
    const { ware } = await c.req.parseBody();
    const session = c.get('session');
    const cart = session.get('cart') ?? {};
    // Set again: the session sees no change inside a value.
    session.set('cart', { ...cart, [ware]: (cart[ware] ?? 0) + 1 });
    session.flash('success', 'It is in your cart.');
    return c.redirect('/hono/', 303);
  });
  app.post('/hono/logout', (c) => {
    c.get('session').destroy();
    return c.redirect('/hono/', 303);
  });
  return app;
}
