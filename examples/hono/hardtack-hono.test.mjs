// Sessions in Hono; VECTORS is the directory of the vectors if it is not ../../tests/vectors.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { makeApp } from './app.mjs';
import { Session, asKind, decodeValue, encodeValue, hardtackSessions, readKeys } from './hardtack-hono.mjs';
import { cookiePurpose, seal } from './hardtack.mjs';
import { findSession, writeRecord } from './session.mjs';

const directory = process.env.VECTORS ?? new URL('../../tests/vectors', import.meta.url).pathname;
const vectors = JSON.parse(readFileSync(`${directory}/sessions.json`, 'utf8'));
const NOW = 1_700_000_000;
const NEW = '8f0b6ad3c2e41797a5501d3e6cb4f8290e7d5a1b3c9f24680bd7e1a2c4f69358';
const OLD = '41c27e90ad5b38f6140bd7e1a2c4f6935e7d5a1b3c9f24688f0b6ad3c2e41797';
const NAME = '__Host-session';
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const settings = (more) => ({ keys: readKeys(NEW), cookieName: NAME, realm: '', idleTimeout: 1800, absoluteTimeout: 43200,
  rememberIdleTimeout: 1209600, rememberAbsoluteTimeout: 7776000, rejectIssuedBefore: 0, clockSkew: 60,
  maxCookieBytes: 40_000, maxChunks: 9, secure: true, formerCookies: [], ...more });
const cookieHeader = (lines) => lines.map((line) => line.split(';')[0]).join('; ');
const isStatus = (status) => (error) => error.status === status;

/** A browser with one jar, before an application whose time stands still. */
class Visitor {
  now = NOW;
  ticks = 0;
  jar = new Map();

  constructor(keys = NEW) {
    this.app = makeApp({ keys, clock: () => this.now, ticks: () => this.ticks });
    this.app.post('/login', (c) => {
      c.get('session').set('user', 'ada');
      c.get('session').regenerateForLogin(c.req.query('remember') !== undefined);
      return c.text('');
    });
    this.app.post('/big', (c) => {
      const bytes = new Uint8Array(Number(c.req.query('size'))).map((_, i) => (i * i * 7919) >> 3);
      c.get('session').set('big', bytes);
      return c.text('');
    });
    this.app.get('/slow', (c) => {
      this.ticks += 2;
      return c.text(c.get('session').get('user'));
    });
    this.app.post('/fail', (c) => {
      c.get('session').set('user', 'eve');
      throw new Error('half way');
    });
    this.app.onError((_, c) => c.text('', 500));
    this.app.get('/plain', (c) => c.text('plain'));
  }

  async ask(method, path, headers = {}, form = undefined) {
    const cookie = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const body = form && new URLSearchParams(form);
    const request = new Request(`http://localhost${path}`, { method, body, headers: { host: 'localhost', ...headers } });
    if (cookie) request.headers.set('cookie', cookie);
    const response = await this.app.fetch(request);
    this.lines = response.headers.getSetCookie();
    this.headers = response.headers;
    for (const line of this.lines) {
      const [name, value] = line.split(';')[0].split('=');
      this.jar.delete(name);
      if (!line.includes('Max-Age=0')) this.jar.set(name, value);
    }
    this.body = await response.text();
    return response.status;
  }

  record() {
    const header = [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ');
    return findSession(header, { keys: readKeys(NEW), cookieName: NAME, now: this.now });
  }
}

test('what another language reads as the same is written in the shortest form', () => {
  for (const [value, item] of [
    [null, 'f6'], [true, 'f5'], [60, '183c'], [60.5, 'f95390'], [-1, '20'], [2n ** 53n + 1n, '1b0020000000000001'],
    [2n ** 64n - 1n, '1bffffffffffffffff'], [0.1, 'fb3fb999999999999a'], [Infinity, 'f97c00'], [NaN, 'f97e00'],
    ['Zoë', '645a6fc3ab'], ['\ufeffa', '64efbbbf61'], [Uint8Array.of(255), '41ff'], [[1, 'a'], '82016161'],
    [{ b: 1, a: 2, aa: 3 }, 'a361610261620162616103'],
  ]) {
    assert.equal(hex(encodeValue(value)), item);
    const back = decodeValue(Buffer.from(item, 'hex'));
    assert.deepEqual(back instanceof Uint8Array ? Uint8Array.from(back) : back, value);
  }
  assert.equal(decodeValue(Buffer.from('f7', 'hex')), null);
  assert.throws(() => decodeValue(Buffer.from('61ff', 'hex')), TypeError);
});

test('what another language reads otherwise is refused', () => {
  const odd = [undefined, new Date(0), new Map(), new Set(), [1, undefined], [, 1], { a: { b: () => 1 } }, Symbol('a'),
    2n ** 64n, -(2n ** 63n) - 1n, new (class Cart {})(), { [Symbol('a')]: 1 }];
  for (const value of odd) assert.throws(() => encodeValue(value), TypeError);
});

test('a number is read as the kind asked for if nothing is lost', () => {
  for (const [item, kind, found] of [
    ['183c', 'number', 60], ['f95380', 'number', 60], ['f95380', 'bigint', 60n], ['183c', 'bigint', 60n],
    ['1b1000000000000000', 'number', 2 ** 60], ['1b0020000000000001', 'bigint', 2n ** 53n + 1n], ['6161', 'string', 'a'],
  ]) {
    assert.equal(asKind(decodeValue(Buffer.from(item, 'hex')), kind), found);
  }
  for (const [item, kind] of [
    ['1b0020000000000001', 'number'], ['f95390', 'bigint'], ['f97e00', 'bigint'], ['f5', 'number'], ['6131', 'number'],
  ]) {
    assert.throws(() => asKind(decodeValue(Buffer.from(item, 'hex')), kind), TypeError);
  }
});

test('values that are not touched come back to the bit', () => {
  let tried = 0;
  for (const { name, keys, cookie, realm, session: typed, found } of vectors) {
    if (found === null || typed !== '') continue;
    const ring = keys.slice(0, 1).map(({ master }) => ({ master: Buffer.from(master, 'hex') }));
    const values = new Map(Object.entries(found.values).map(([key, item]) => [key, Buffer.from(item, 'hex')]));
    const record = { id: '00'.repeat(16), loginId: '00'.repeat(8), createdAt: NOW, idleLimit: 1800, lifetime: 43200, longest: 43200, values };
    const token = seal(writeRecord(record), { master: ring[0].master, purpose: cookiePurpose(cookie, realm), label: 'cookie', now: NOW });
    const session = new Session(settings({ keys: ring, cookieName: cookie, realm }), [`${cookie}=${token}`], NOW);
    session.set('touched here', 1);
    const after = findSession(cookieHeader(session.setCookie(NOW)), { keys: ring, cookieName: cookie, realm, now: NOW });
    after.values.delete('touched here');
    const items = Object.fromEntries([...after.values].map(([key, item]) => [key, hex(item)]));
    assert.deepEqual(items, found.values, name);
    tried += values.size > 0;
  }
  assert.ok(tried > 0);
});

test('a session begins when something is written', async () => {
  const visitor = new Visitor();
  assert.equal(await visitor.ask('GET', '/hono/'), 200);
  assert.deepEqual(visitor.lines, []);
  assert.deepEqual([visitor.headers.get('cache-control'), visitor.headers.get('vary')], ['private', 'Cookie']);
  assert.equal(await visitor.ask('POST', '/hono/cart', {}, { ware: 'Biscuit' }), 303);
  assert.match(visitor.lines[0], /^__Host-session=h[^;]+; HttpOnly; SameSite=Lax; Secure; Path=\/$/);
  assert.equal(visitor.headers.get('cache-control'), 'no-store');
  await visitor.ask('GET', '/hono/');
  assert.match(visitor.body, /<li id="count-Biscuit">1<\/li>/);
  assert.match(visitor.body, /It is in your cart/);
  await visitor.ask('GET', '/hono/');
  assert.doesNotMatch(visitor.body, /It is in your cart/);
  await visitor.ask('GET', '/plain');
  assert.equal(visitor.headers.get('vary'), null);
});

test('a login has new ids, a failure saves nothing, a logout removes the cookie', async () => {
  const visitor = new Visitor();
  await visitor.ask('POST', '/hono/cart', {}, { ware: 'Biscuit' });
  const before = visitor.record();
  await visitor.ask('POST', '/login?remember');
  assert.match(visitor.lines[0], /; Max-Age=1209600; /);
  const after = visitor.record();
  assert.ok(after.login && after.remembered && after.id !== before.id && after.loginId !== before.loginId);
  assert.deepEqual([after.idleLimit, after.lifetime, after.longest], [1209600, 7776000, 7776000]);
  assert.equal(await visitor.ask('POST', '/fail'), 500);
  assert.deepEqual(visitor.lines, []);
  await visitor.ask('POST', '/hono/logout');
  assert.equal(visitor.jar.size, 0);
});

test('timeouts end a session, and use renews it', async () => {
  const visitor = new Visitor();
  const user = async () => {
    await visitor.ask('GET', '/hono/');
    return /<p id="user">(.*)<\/p>/.exec(visitor.body)[1];
  };
  await visitor.ask('POST', '/login');
  visitor.now += 179;
  await user();
  assert.deepEqual(visitor.lines, []);
  visitor.now += 1;
  await visitor.ask('GET', '/slow');
  assert.deepEqual(visitor.lines, [], 'a late renewal');
  await visitor.ask('HEAD', '/hono/');
  assert.deepEqual(visitor.lines, []);
  await user();
  assert.equal(visitor.lines.length, 1);
  visitor.now += 1800;
  assert.equal(await user(), 'ada');
  visitor.now += 1801;
  assert.equal(await user(), '');
  await visitor.ask('POST', '/login');
  for (let at = 0; at < 43200; at += 1800) {
    visitor.now += 1800;
    assert.equal(await user(), 'ada');
  }
  visitor.now += 1;
  assert.equal(await user(), '');
  // Another instance may have later settings: the cookie stays.
  assert.ok(visitor.jar.has(NAME));
});

test('keys rotate, and nobody is logged out', async () => {
  const visitor = new Visitor(OLD);
  await visitor.ask('POST', '/login');
  const old = visitor.jar.get(NAME);
  for (const [keys, changes] of [[`${OLD},${NEW}`, false], [`${NEW},${OLD}`, false], [`${NEW}, ${OLD}@${NOW}`, true], [NEW, false]]) {
    const moved = new Visitor(keys);
    moved.jar = visitor.jar;
    await moved.ask('GET', '/hono/');
    assert.match(moved.body, /ada/);
    assert.equal(moved.lines.length > 0, changes, keys);
  }
  for (const keys of [NEW, `${NEW},${OLD}@${NOW - 61}`]) {
    const refused = new Visitor(keys);
    refused.jar = new Map([[NAME, old]]);
    await refused.ask('GET', '/hono/');
    assert.doesNotMatch(refused.body, /ada/);
    assert.deepEqual(refused.lines, []);
  }
});

test('a large session takes several cookies and then fewer', async () => {
  const visitor = new Visitor();
  await visitor.ask('POST', '/big?size=4000');
  assert.deepEqual([...visitor.jar.keys()].sort(), [NAME, `${NAME}.1`]);
  assert.ok(Math.max(...visitor.lines.map((line) => line.length)) <= 4096);
  await visitor.ask('POST', '/big?size=10');
  assert.deepEqual([...visitor.jar.keys()], [NAME]);
  const before = visitor.jar.get(NAME);
  assert.equal(await visitor.ask('POST', '/big?size=9000'), 500);
  assert.equal(visitor.jar.get(NAME), before);
});

test('a session of nine cookies comes back', () => {
  const session = new Session(settings(), [], NOW);
  session.set('big', new Uint8Array(24_000));
  const lines = session.setCookie(NOW);
  assert.equal(lines.length, 9);
  const found = findSession(cookieHeader(lines), { keys: readKeys(NEW), cookieName: NAME, now: NOW });
  assert.equal(decodeValue(found.values.get('big')).length, 24_000);
});

test('a request from another origin reads and writes nothing', async () => {
  const visitor = new Visitor();
  await visitor.ask('POST', '/login');
  for (const [headers, status] of [
    [{ 'sec-fetch-site': 'cross-site' }, 403], [{ 'sec-fetch-site': 'same-site' }, 403], [{ origin: 'null' }, 403],
    [{ origin: 'https://evil.example' }, 403], [{ 'sec-fetch-site': 'same-origin' }, 303],
    [{ origin: 'http://localhost' }, 303], [{}, 303],
  ]) {
    assert.equal(await visitor.ask('POST', '/hono/cart', headers, { ware: 'Rope' }), status, JSON.stringify(headers));
    assert.equal(visitor.lines.length > 0, status === 303);
  }
});

test('of two logins under a name that others can set neither counts', () => {
  const planted = settings({ cookieName: 'id' });
  const headers = ['ada', 'eve'].map((user) => {
    const session = new Session(planted, [], NOW);
    session.set('user', user);
    return cookieHeader(session.setCookie(NOW));
  });
  const session = new Session(planted, headers, NOW);
  assert.deepEqual(session.keys(), []);
  assert.throws(() => session.set('user', 'eve'), isStatus(503));
  assert.deepEqual(session.setCookie(NOW), []);
});

test('a former cookie moves at the next save, and nothing old logs in again', () => {
  const browser = (more, user = 'ada') => {
    const session = new Session(settings(more), [], NOW);
    session.set('user', user);
    return cookieHeader(session.setCookie(NOW));
  };
  const read = () => {};
  const write = (session) => session.set('theme', 'dark');
  const logIn = (session) => session.regenerateForLogin();
  const present = browser();
  for (const [before, former, places] of [
    [{ cookieName: 'sid' }, { cookieName: 'sid' }, ['Path=/']],
    [{ realm: 'one' }, { cookieName: NAME, realm: 'one' }, ['Path=/']],
    [{ cookieName: 'sid' }, { cookieName: 'sid', domain: 'a.example', path: '/shop', partitioned: true },
      ['Path=/shop; Partitioned; Domain=a.example', 'Path=/shop; Partitioned']],
  ]) {
    const old = browser(before);
    const after = settings({ formerCookies: [{ until: NOW + 900, ...former }] });
    const removal = places.map((place) => `${former.cookieName}=; HttpOnly; SameSite=Lax; Secure; ${place}; Max-Age=0; `
      + 'Expires=Thu, 01 Jan 1970 00:00:00 GMT');
    const lines = (headers, act, now = NOW + 1) => {
      const session = new Session(after, headers, now);
      const user = session.get('user');
      act(session);
      return { user, lines: session.setCookie(now) };
    };
    const first = new Session(settings(before), [old], NOW);
    const moved = new Session(after, [old], NOW + 1);
    assert.deepEqual([moved.id, moved.loginId], [first.id, first.loginId]);
    // The next save moves it: a write, or a renewal that is due.
    assert.deepEqual(lines([old], read), { user: 'ada', lines: [] });
    for (const [act, now] of [[write, NOW + 1], [read, NOW + 180]]) {
      const found = lines([old], act, now);
      assert.deepEqual([found.user, found.lines.slice(0, -1)], ['ada', removal]);
      assert.match(found.lines.at(-1), /^__Host-session=h/);
    }
    // Beside the present cookie it does not count. A login and a logout remove it, received or not.
    const other = browser({}, 'eve');
    const both = former.cookieName === 'sid' ? [old, other] : [other];
    assert.deepEqual(lines(both, read), { user: 'eve', lines: [] });
    assert.equal(lines(both, write).lines.length, 1);
    for (const act of [logIn, (session) => session.destroy()]) {
      const found = lines([present], act).lines;
      assert.ok(removal.every((line) => found.includes(line)), found);
      // Nothing says that the browser has one of ours.
      for (const foreign of [[], ['sid=7']]) {
        assert.ok(!lines(foreign, act).lines.some((line) => removal.includes(line)));
      }
    }
    // It is over after its end.
    assert.equal(lines([old], read, NOW + 900).user, 'ada');
    assert.deepEqual(lines([old], read, NOW + 901), { user: undefined, lines: [] });
    assert.equal(lines([present], logIn, NOW + 901).lines.length, 1);
  }
});

test('a former cookie that looks as the present one goes at every save', () => {
  const after = settings({ cookieName: 'sid', formerCookies: [{ cookieName: 'sid', until: NOW + 900, domain: 'a.example' }] });
  const first = new Session(after, [], NOW);
  first.set('user', 'ada');
  const lines = first.setCookie(NOW);
  assert.equal(lines.length, 1);
  const session = new Session(after, [cookieHeader(lines)], NOW);
  session.set('user', 'grace');
  const found = session.setCookie(NOW);
  assert.match(found[0], /; Domain=a.example; Max-Age=0/);
  // Its twin without a domain is the present cookie, which comes last.
  assert.match(found.at(-1), /^sid=h/);
});

test('an idle cookie is authentic: a login beside it removes the former one', () => {
  const after = settings({ formerCookies: [{ cookieName: 'sid', until: NOW + 9000 }] });
  const first = new Session(after, [], NOW);
  first.set('user', 'ada');
  const session = new Session(after, [cookieHeader(first.setCookie(NOW))], NOW + 1801);
  assert.ok(session.isNew);
  session.regenerateForLogin();
  session.set('user', 'ada');
  assert.match(session.setCookie(NOW + 1801)[0], /^sid=;/);
});

test('a login drops the messages of the session before', () => {
  const planted = new Session(settings(), [], NOW);
  planted.flash('info', 'planted');
  const session = new Session(settings(), [cookieHeader(planted.setCookie(NOW))], NOW);
  session.flash('success', 'Welcome');
  session.regenerateForLogin();
  assert.deepEqual(session.takeFlashes(), [{ level: 'success', text: 'Welcome' }]);
});

test('a renewal is left out if it comes late', () => {
  const first = new Session(settings(), [], NOW);
  first.set('user', 'ada');
  const header = cookieHeader(first.setCookie(NOW));
  for (const [age, elapsed, count] of [[179, 0, 0], [180, 1, 1], [180, 1.1, 0], [899, 1.1, 0], [900, 30, 1], [900, 30.1, 0]]) {
    const session = new Session(settings(), [header], NOW + age);
    session.get('user');
    assert.equal(session.setCookie(NOW + age, elapsed).length, count, `${age} ${elapsed}`);
  }
});

test('no copy outlives the longest lifetime of its record', () => {
  const { keys } = settings();
  const record = { id: '00'.repeat(16), loginId: '00'.repeat(8), createdAt: NOW, idleLimit: 1800, lifetime: 43200, longest: 100,
    remembered: true, values: new Map() };
  const token = seal(writeRecord(record), { master: keys[0].master, purpose: cookiePurpose(NAME), label: 'cookie', now: NOW });
  const session = new Session(settings(), [`${NAME}=${token}`], NOW + 60);
  session.set('user', 'ada');
  assert.match(session.setCookie(NOW + 60)[0], /; Max-Age=40; /);
});

test('a late answer does not bring back what is over', () => {
  const first = new Session(settings(), [], NOW);
  first.set('user', 'ada');
  const session = new Session(settings(), [cookieHeader(first.setCookie(NOW))], NOW);
  session.set('user', 'grace');
  assert.deepEqual(session.setCookie(NOW + 1801), []);
  assert.equal(session.setCookie(NOW + 1800).length, 1);
});

test('keys with a fault are refused and not repeated', () => {
  const base64 = Buffer.from(NEW, 'hex').toString('base64');
  assert.equal(readKeys(` ${base64} ,${OLD}@5`)[0].keyId, readKeys(NEW)[0].keyId);
  for (const text of ['', 'secret', `${NEW}@5`, `${NEW},`, `${NEW},${OLD}@`, `${NEW},${OLD}@x`, `${NEW},${base64}`, `${NEW}0`]) {
    assert.throws(() => hardtackSessions({ keys: text }), (error) => !error.message.includes(NEW));
  }
});
