// Sessions of hardtack (format version 1) for Hono: the third file to copy, beside hardtack.mjs and session.mjs.
//
//   app.use(hardtackSessions({ keys: process.env.SESSION_KEYS }));
//   app.get('/', (c) => c.text(c.get('session').get('user') ?? 'nobody'));
//
// The session is the one that a Rust or Python application of the same site has. It has no denylist, no stores and no
// device binding: a logout here does not reach the list of another application, and a session that needs one of them is
// refused. It leaves the removal of planted cookies to the Rust application.

import { randomBytes } from 'node:crypto';
import { Tokenizer, decode, encode } from 'cborg';
import { cookiePurpose, deriveKey, seal } from './hardtack.mjs';
import { cookiePairs, cut, lookUp, writeRecord } from './session.mjs';

const LAST_SECOND = 0xffffffff;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const LEVELS = ['info', 'success', 'warning', 'error'];

/**
 * Settings of the Rust application, under the same names. Times are seconds. `formerCookies` are what the cookie was before
 * one of its settings changed, and until when it counts: `{ cookieName, until, realm, domain, path, partitioned }` each.
 */
const DEFAULTS = {
  cookieName: '__Host-session',
  realm: '',
  idleTimeout: 30 * 60,
  absoluteTimeout: 12 * 3600,
  rememberIdleTimeout: 14 * 86400,
  rememberAbsoluteTimeout: 90 * 86400,
  rejectIssuedBefore: 0,
  clockSkew: 60,
  maxCookieBytes: 7000,
  maxChunks: 2,
  secure: true,
  formerCookies: [],
  clock: () => Date.now() / 1000,
  ticks: () => performance.now() / 1000,
};

/** Has the HTTP status of the response that it becomes. */
export class SessionError extends Error {
  constructor(status, message) {
    super(message);
    Object.assign(this, { name: 'SessionError', status });
  }
}

/** `KEY,KEY,KEY@time`, as the Rust library reads it from a variable. The first key seals. */
export function readKeys(text) {
  const keys = text.split(',').map((entry, index) => {
    const [key, at, ...rest] = entry.split('@').map((part) => part.trim());
    const master = /^[0-9a-f]{64}$/i.test(key) ? Buffer.from(key, 'hex') : Buffer.from(key, 'base64');
    const canonical = master.length === 32 && [
      master.toString('hex'), master.toString('base64'), master.toString('base64url'),
    ].some((form) => form.replace(/=$/, '') === (key.length === 64 ? key.toLowerCase() : key.replace(/=$/, '')));
    if (!canonical || rest.length > 0 || (at !== undefined && (index === 0 || !/^[0-9]+$/.test(at)))) {
      // Never the text, which may be a key.
      throw new TypeError(`key ${index + 1} of the list is wrong: \`hardtack keys check\` says how`);
    }
    return { master, retiredAt: at === undefined ? undefined : Number(at), keyId: deriveKey(master, '').keyId };
  });
  if (new Set(keys.map(({ keyId }) => keyId)).size < keys.length) throw new TypeError('two keys have the same id');
  return keys;
}

/** One CBOR item. What another language could not read as the same is a TypeError. */
export function encodeValue(value) {
  checkValue(value);
  return Buffer.from(encode(value));
}

function checkValue(value) {
  if (value === null || ['string', 'boolean', 'number'].includes(typeof value)) return;
  if (typeof value === 'bigint' && value >= -(2n ** 63n) && value < 2n ** 64n) return;
  if (value instanceof Uint8Array) return;
  // Array.from: a hole is undefined, which is refused.
  if (Array.isArray(value)) return Array.from(value).forEach(checkValue);
  if (typeof value === 'object' && [Object.prototype, null].includes(Object.getPrototypeOf(value))) {
    if (Object.getOwnPropertySymbols(value).length === 0) return Object.values(value).forEach(checkValue);
  }
  const kind = value?.constructor?.name ?? typeof value;
  throw new TypeError(`a session holds text, numbers, booleans, null, bytes, arrays and plain objects, and not ${kind}`);
}

// cborg drops a U+FEFF at the start of a text, and replaces what is not UTF-8.
class Texts extends Tokenizer {
  next() {
    const token = super.next();
    if (token.byteValue !== undefined) token.value = utf8.decode(token.byteValue);
    return token;
  }
}

/** Integers that a number cannot hold are bigints. */
export function decodeValue(item) {
  const options = { allowBigInt: true, allowUndefined: true, retainStringBytes: true };
  return decode(item, { ...options, tokenizer: new Texts(Uint8Array.from(item), options) }) ?? null;
}

/** A number as a `number` or a `bigint`, if nothing is lost. Other kinds are those of `typeof`. */
export function asKind(value, kind) {
  if (typeof value === kind) return value;
  if (kind === 'number' && typeof value === 'bigint' && BigInt(Number(value)) === value) return Number(value);
  if (kind === 'bigint' && Number.isInteger(value)) return BigInt(value);
  throw new TypeError(`found ${typeof value}, wanted ${kind}`);
}

/** The session of one request: a dictionary whose values are decoded at each reading. Set a changed object again. */
export class Session {
  #settings; #headers; #now; #crossOrigin;
  #before = null; #found = {}; #isLogin = false; #destroyed = false; #record; #values;

  /** Whether the request asked for it. */
  opened = false;

  constructor(settings, headers, now, crossOrigin = false) {
    [this.#settings, this.#headers, this.#now, this.#crossOrigin] = [settings, headers, now, crossOrigin];
  }

  // The cookie is opened at first use: a request that never asks costs nothing.
  #open() {
    if (this.opened) return;
    this.opened = true;
    const { cookieName, realm, keys, rejectIssuedBefore: floor, clockSkew: skew } = this.#settings;
    const limits = limitsOf(this.#settings, false);
    const rememberedLimits = limitsOf(this.#settings, true);
    const formers = this.#formers(this.#now);
    const settings = { keys, cookieName, realm, floor, skew, now: this.#now, limits, rememberedLimits, formers };
    this.#found = lookUp(this.#crossOrigin ? '' : this.#headers, settings);
    const { session } = this.#found;
    this.#before = session;
    this.#record = session ? { ...session, flashes: [...session.flashes] } : this.#newRecord();
    this.#values = new Map(session?.values);
  }

  #write(login = false) {
    if (this.#crossOrigin) throw new SessionError(403, 'a request from another origin cannot change the session');
    this.#open();
    if (this.#found.rivals && !login) throw new SessionError(503, 'two logins came under one name: send the request again');
  }

  #newRecord() {
    const { idle: idleLimit, lifetime } = limitsOf(this.#settings, false);
    return { ...newIds(), createdAt: this.#now, idleLimit, lifetime, longest: longestOf(this.#settings), remembered: false,
      login: false, flashes: [] };
  }

  /** The value, or undefined. With a `kind`, a number is read as that kind if nothing is lost. */
  get(key, kind) {
    this.#open();
    const item = this.#values.get(key);
    if (item === undefined) return undefined;
    return kind === undefined ? decodeValue(item) : asKind(decodeValue(item), kind);
  }

  set(key, value) {
    this.#write();
    this.#values.set(key, encodeValue(value));
  }

  delete(key) {
    this.#write();
    return this.#values.delete(key);
  }

  keys() {
    this.#open();
    return [...this.#values.keys()];
  }

  get id() {
    this.#open();
    return this.#record.id;
  }

  get loginId() {
    this.#open();
    return this.#record.loginId;
  }

  get isNew() {
    this.#open();
    return this.#before === null || this.#destroyed;
  }

  /** Call it at login: new ids, a new lifetime, and the data stays. It defeats session fixation. */
  regenerateForLogin(remember = false) {
    this.#write(true);
    this.#isLogin = true;
    const { idle: idleLimit, lifetime } = limitsOf(this.#settings, remember);
    const flashes = this.#record.flashes.slice(this.#before?.flashes.length ?? 0);
    Object.assign(this.#record, newIds(), { login: true, remembered: remember, createdAt: this.#now, idleLimit, lifetime,
      longest: longestOf(this.#settings), flashes });
  }

  /** A message for the next page that takes them. */
  flash(level, text) {
    this.#write();
    const bytes = [...this.#record.flashes, { text }].reduce((sum, one) => sum + Buffer.byteLength(one.text), 0);
    if (!LEVELS.includes(level) || this.#record.flashes.length === 16 || bytes > 1024) {
      throw new TypeError('a level is one of four; 16 messages and 1,024 bytes of them fit');
    }
    this.#record.flashes.push({ level, text });
  }

  takeFlashes() {
    this.#open();
    const { flashes } = this.#record;
    if (flashes.length > 0) {
      this.#write();
      this.#record.flashes = [];
    }
    return flashes;
  }

  /** Ends the session and removes its cookies. A later write starts a new one. */
  destroy() {
    this.#write(true);
    [this.#destroyed, this.#record, this.#values] = [true, this.#newRecord(), new Map()];
  }

  /**
   * The Set-Cookie lines of the response. `elapsed` is the time since the request's head, by a clock that never goes back:
   * a late renewal could bring back a session that was ended meanwhile.
   */
  setCookie(now, elapsed = 0, renews = true) {
    if (!this.opened || this.#crossOrigin) return [];
    const settings = this.#settings;
    const [record, before] = [{ ...this.#record, values: this.#values }, this.#before];
    const names = new Set(cookiePairs(this.#headers).map(([name]) => name));
    const own = [settings.cookieName, ...[1, 2, 3, 4, 5, 6, 7, 8, 9].map((k) => `${settings.cookieName}.${k}`)];
    const remove = (name, path = '/', place = '') =>
      `${name}=${attributes(settings, path)}${place}; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT`;
    const former = this.#removeFormers(names, remove, now);
    if (this.isNew && this.#values.size === 0 && record.flashes.length === 0) {
      return this.#destroyed ? [...own.filter((name) => names.has(name)).map((name) => remove(name)), ...former] : [];
    }
    const limits = both(record, settings);
    const payload = writeRecord(record);
    if (before && !this.#destroyed) {
      if (payload.equals(writeRecord(before))) {
        const age = now - before.issuedAt;
        const resealed = settings.keys.find(({ keyId }) => keyId === before.keyId)?.retiredAt !== undefined;
        const late = elapsed > (age >= Math.floor(limits.idle / 2) ? 30 : 1);
        if (late || !renews || !(resealed || age >= Math.max(Math.floor(limits.idle / 10), 1))) return [];
      } else if (record.loginId === before.loginId && isOver(before.createdAt, before.issuedAt, both(before, settings), now)) {
        return [];
      }
    }
    if (isOver(record.createdAt, now, limits, now) || record.createdAt > now + settings.clockSkew) return [];
    const purpose = cookiePurpose(settings.cookieName, settings.realm);
    const token = seal(payload, { master: settings.keys[0].master, purpose, label: 'cookie', now, random: randomBytes(16) });
    const maxAge = Math.min(limits.idle, record.createdAt + limits.lifetime - now);
    const tail = (record.remembered ? `; Max-Age=${maxAge}` : '') + attributes(settings);
    const cookies = cut(token, settings.cookieName, `; Max-Age=${LAST_SECOND}${attributes(settings)}`.length);
    const size = cookies.reduce((sum, [name, value]) => sum + name.length + 1 + value.length, 0);
    if (size > settings.maxCookieBytes || cookies.length > settings.maxChunks) {
      throw new SessionError(500, `the session needs ${size} bytes of cookies: remove something`);
    }
    const stale = own.slice(cookies.length).filter((name) => names.has(name)).map((name) => remove(name));
    // The new cookie comes last: a browser may take a former one for the same.
    return [...former, ...cookies.map(([name, value]) => `${name}=${value}${tail}`), ...stale];
  }

  #formers(now) {
    const { realm, formerCookies } = this.#settings;
    return formerCookies.filter(({ until }) => now <= until).map((former) => ({ realm, ...former }));
  }

  // At a move, a login and an end all of them, received or not: their path may have hidden them. One that looks as the
  // present cookie goes at every save. A name may be another application's if no cookie is authentic.
  #removeFormers(names, remove, now) {
    const { authentic, isFormer, session } = this.#found;
    const settings = this.#settings;
    const isLast = this.#isLogin || this.#destroyed || (isFormer && session !== null);
    return (authentic ? this.#formers(now) : []).flatMap(({ cookieName, realm, domain, path, partitioned }) => {
      if (!isLast && (cookieName !== settings.cookieName || realm !== settings.realm)) return [];
      const chunks = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((k) => `${cookieName}.${k}`).filter((name) => names.has(name));
      const places = domain ? [`; Domain=${domain}`, ''] : [''];
      const place = partitioned ? '; Partitioned' : '';
      return [cookieName, ...chunks].flatMap((name) => places.map((domain) => remove(name, path, place + domain)));
    });
  }
}

function newIds() {
  return { id: randomBytes(16).toString('hex'), loginId: randomBytes(8).toString('hex') };
}

function limitsOf(settings, remembered) {
  return remembered
    ? { idle: settings.rememberIdleTimeout, lifetime: settings.rememberAbsoluteTimeout }
    : { idle: settings.idleTimeout, lifetime: settings.absoluteTimeout };
}

function longestOf({ absoluteTimeout, rememberAbsoluteTimeout }) {
  return Math.max(absoluteTimeout, rememberAbsoluteTimeout);
}

// The earlier of the record's limits and those of today.
function both(record, settings) {
  const { idle, lifetime } = limitsOf(settings, record.remembered);
  return { idle: Math.min(record.idleLimit, idle), lifetime: Math.min(record.lifetime, record.longest, lifetime) };
}

function isOver(createdAt, issuedAt, { idle, lifetime }, now) {
  return now - createdAt > lifetime || now - issuedAt > idle;
}

function attributes({ secure }, path = '/') {
  return `; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}; Path=${path}`;
}

/** Middleware of Hono. `keys` is the text of the list. */
export function hardtackSessions({ keys, ...options }) {
  const settings = { ...DEFAULTS, ...options, keys: readKeys(keys) };
  const now = () => Math.floor(settings.clock());
  return async (c, next) => {
    const head = settings.ticks();
    const cookies = c.req.header('cookie');
    const session = new Session(settings, cookies === undefined ? [] : [cookies], now(), isCrossOrigin(c.req));
    c.set('session', session);
    await next();
    try {
      // A handler that failed saves nothing.
      if (c.error) throw c.error;
      const lines = session.setCookie(now(), settings.ticks() - head, renews(c.req));
      if (session.opened) closeToCaches(c, lines);
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      c.res = undefined;
      c.res = new Response(null, { status: error.status, headers: { 'cache-control': 'no-store' } });
    }
  };
}

// No shared cache keeps what depends on a session.
function closeToCaches(c, lines) {
  const control = c.res.headers.get('cache-control');
  if (control === null) c.header('Cache-Control', lines.length > 0 ? 'no-store' : 'private');
  else if (lines.length > 0 && !/no-store/i.test(control)) c.header('Cache-Control', 'no-store');
  const vary = c.res.headers.get('vary');
  c.header('Vary', vary === null ? 'Cookie' : `${vary}, Cookie`);
  for (const line of lines) c.header('Set-Cookie', line, { append: true });
}

// HEAD, a prefetch and the image of another page renew nothing.
function renews(request) {
  const quiet = request.header('sec-fetch-mode') === 'no-cors' || /prefetch/.test(request.header('sec-purpose'));
  return request.method !== 'HEAD' && !quiet;
}

/** Whether the request may change nothing: cross-site request forgery. */
export function isCrossOrigin(request) {
  if (['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(request.method)) return false;
  const [site, origin] = [request.header('sec-fetch-site'), request.header('origin')];
  if (site !== undefined) return !['same-origin', 'none'].includes(site);
  if (origin === undefined) return false;
  const [, scheme, authority] = /^([^:]+):\/\/(.*)$/.exec(origin.toLowerCase()) ?? [];
  const port = { http: /:80$/, https: /:443$/ }[scheme] ?? /$/;
  return authority === undefined || authority !== (request.header('host') ?? '').toLowerCase().replace(port, '');
}
