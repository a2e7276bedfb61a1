"""Sessions of hardtack (format version 1) for FastAPI, Starlette and any ASGI application: one file to copy.

    app.add_middleware(HardtackSessions, keys=os.environ["SESSION_KEYS"])

`request.session` is then the session that a Rust or JavaScript application of the same site has. It behaves as a
dictionary whose values are decoded at each reading: assign a changed list or dictionary again. Written from the format
page (src/guide/format.md), on PyNaCl and cbor2. It has no denylist, no stores and no device binding: a logout here does
not reach the list of another application, and a session that needs one of them is refused.
"""

import base64
import hashlib
import hmac
import io
import os
import re
import time
from collections.abc import MutableMapping
from dataclasses import dataclass, field, replace

import cbor2
from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt,
)
from nacl.exceptions import CryptoError

PLAIN, PADDED = 0x84, 0x85
LAST_SECOND = 0xFFFFFFFF
NO_END = 2**64
REMEMBERED, DEVICE_KEY, SUBJECT, LOGIN = 1, 2, 4, 8
LEVELS = ("info", "success", "warning", "error")
MAX_COOKIE = 4096
MAX_FLASHES, MAX_FLASH_BYTES = 16, 1024


class TokenError(Exception):
    """A token or a record is refused: `code` is the error's name on the format page."""

    def __init__(self, code, key_id=None):
        super().__init__(code)
        self.code, self.key_id = code, key_id


class CrossOrigin(Exception):
    """A request from another origin cannot change the session. Answered by 403."""


class Rivals(Exception):
    """Two logins came under one cookie name, and neither counts. Answered by 503."""


class TooBig(Exception):
    """The session does not fit into its cookies. Answered by 500, and the browser keeps the previous cookie."""


# Keys and tokens


@dataclass(frozen=True)
class Key:
    master: bytes = field(repr=False)
    retired_at: int | None = None

    def derive(self, purpose, label="seal"):
        prk = hmac.digest(b"hardtack v1", self.master, hashlib.sha256)
        return prk, expand(prk, b"key id", 3), expand(prk, f"{label}\0{purpose}".encode(), 32)


def expand(prk, info, length):
    """HKDF-Expand of RFC 5869: one block is enough."""
    return hmac.digest(prk, info + b"\x01", hashlib.sha256)[:length]


def read_keys(text):
    """`KEY,KEY,KEY@time`, as the Rust library reads it from a variable. The first key seals."""
    keys = []
    for number, entry in enumerate(text.split(","), 1):
        key, _, at = entry.strip().partition("@")
        try:
            key, at = key.strip(), at.strip()
            if re.fullmatch(r"[0-9A-Fa-f]{64}", key):
                master = bytes.fromhex(key)
            else:
                master = decode_base64(key.rstrip("=").replace("+", "-").replace("/", "_"))
            retired_at = int(at) if re.fullmatch(r"[0-9]+", at) else None
            if len(master) != 32 or (retired_at is None) != ("@" not in entry) or (number == 1 and "@" in entry):
                raise ValueError
        except (ValueError, TokenError):
            # Never the text, which may be a key.
            raise ValueError(f"key {number} of the list is wrong: `hardtack keys check` says how") from None
        keys.append(Key(master, retired_at))
    if len({key.derive("")[1] for key in keys}) < len(keys):
        raise ValueError("two keys of the list have the same id")
    return keys


def decode_base64(text):
    """Strict base64url: what Python's lax decoder takes must also be what encoding gives."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", text) or len(text) % 4 == 1:
        raise TokenError("Invalid")
    raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode_base64(raw) != text:
        raise TokenError("Invalid")
    return raw


def encode_base64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def cookie_purpose(cookie_name, realm="", typed=""):
    return "\0".join((cookie_name, realm, typed))


def seal_token(payload, key, purpose, now, label="cookie", ad=b""):
    if not 0 <= now < LAST_SECOND:
        raise ValueError("no time to seal at")
    prk, key_id, secret = key.derive(purpose, label)
    # Hedged: a cloned machine repeats its generator, and then only equal sessions have equal nonces.
    hedge = expand(prk, f"hedge\0{purpose}".encode(), 32)
    random = hmac.digest(hedge, os.urandom(16) + len(ad).to_bytes(8, "big") + ad + payload, hashlib.sha256)[:16]
    header = bytes([PLAIN]) + key_id + now.to_bytes(4, "big") + random
    return encode_base64(header + encrypt(payload, ad, header, secret))


def open_token(token, keys, purpose, now, label="cookie", ad=b"", skew=60, max_age=NO_END, floor=0, limit=36864):
    """Returns the payload, the time of sealing and the key."""
    if len(token.encode()) > limit:
        raise TokenError("TooLong")
    raw = decode_base64(token)
    if len(raw) < 40:
        raise TokenError("Invalid")
    header, boxed = raw[:24], raw[24:]
    if header[0] not in (PLAIN, PADDED):
        raise TokenError("UnknownVersion")
    for key in keys:
        _, key_id, secret = key.derive(purpose, label)
        if key_id == header[1:4]:
            break
    else:
        raise TokenError("UnknownKey", header[1:4].hex())
    try:
        payload = decrypt(boxed, ad, header, secret)
    except CryptoError:
        raise TokenError("Invalid") from None
    issued_at = int.from_bytes(header[4:8], "big")
    if issued_at == LAST_SECOND or issued_at > now + skew:
        raise TokenError("NotYetValid")
    if issued_at < floor or (key.retired_at is not None and issued_at > key.retired_at + skew):
        raise TokenError("Revoked")
    if now - issued_at > max_age:
        raise TokenError("Expired")
    if header[0] == PADDED:
        payload = payload.rstrip(b"\0")
        if not payload.endswith(b"\x80"):
            raise TokenError("Payload")
        payload = payload[:-1]
    return payload, issued_at, key


# Records


@dataclass
class Record:
    id: bytes
    login_id: bytes
    created_at: int
    idle_limit: int
    lifetime: int
    longest: int
    schema: int = 0
    remembered: bool = False
    login: bool = False
    device_key: bytes | None = None
    subject: str | None = None
    flashes: list = field(default_factory=list)
    data: bytes = b"\0"


class Reader:
    def __init__(self, rest):
        self.rest = rest

    def take(self, length):
        if length > len(self.rest):
            raise TokenError("Payload")
        taken, self.rest = self.rest[:length], self.rest[length:]
        return taken

    def varint(self, bits=64, shortest=False):
        value, before = 0, len(self.rest)
        for shift in range(0, bits, 7):
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                if value >> bits or (shortest and before - len(self.rest) > len(varint(value))):
                    break
                return value
        raise TokenError("Payload")

    def text(self, length):
        try:
            return self.take(length).decode()
        except UnicodeDecodeError:
            raise TokenError("Payload") from None


def read_record(payload):
    reader = Reader(payload)
    if reader.take(1) != b"\x01":
        raise TokenError("UnknownLayout")
    schema, record_id, login_id = reader.take(1)[0], reader.take(16), reader.take(8)
    flags = reader.take(1)[0]
    if flags & 0xF0:
        raise TokenError("UnknownLayout")
    times = [reader.varint(32, shortest=True) for _ in range(4)]
    device_key = subject = None
    if flags & DEVICE_KEY:
        device_key = reader.take(33)
        if device_key[0] not in (2, 3):
            raise TokenError("Payload")
    if flags & SUBJECT:
        length = reader.varint(shortest=True)
        if not 1 <= length <= 255:
            raise TokenError("Payload")
        subject = reader.text(length)
    flashes = []
    for _ in range(reader.varint()):
        level = reader.take(1)[0]
        if level >= len(LEVELS):
            raise TokenError("Payload")
        flashes.append((LEVELS[level], reader.text(reader.varint())))
    return Record(
        record_id, login_id, *times, schema=schema, remembered=bool(flags & REMEMBERED), login=bool(flags & LOGIN),
        device_key=device_key, subject=subject, flashes=flashes, data=reader.rest,
    )


def read_dictionary(data):
    """The values by name, each one CBOR item."""
    reader, values, last = Reader(data), {}, None
    for _ in range(reader.varint()):
        key = reader.text(reader.varint())
        if last is not None and last >= key.encode():
            raise TokenError("Payload")
        values[key], last = reader.take(reader.varint()), key.encode()
    if reader.rest:
        raise TokenError("Payload")
    return values


def write_record(record):
    flags = (
        (record.remembered and REMEMBERED) | (record.login and LOGIN)
        | (record.device_key is not None and DEVICE_KEY) | (record.subject is not None and SUBJECT)
    )
    parts = [bytes([1, record.schema]), record.id, record.login_id, bytes([flags])]
    parts += map(varint, (record.created_at, record.idle_limit, record.lifetime, record.longest))
    parts.append(record.device_key or b"")
    if record.subject is not None:
        parts.append(prefixed(record.subject.encode()))
    parts.append(varint(len(record.flashes)))
    parts += (bytes([LEVELS.index(level)]) + prefixed(text.encode()) for level, text in record.flashes)
    return b"".join(parts) + record.data


def write_dictionary(values):
    entries = sorted((key.encode(), value) for key, value in values.items())
    return varint(len(entries)) + b"".join(prefixed(key) + prefixed(value) for key, value in entries)


def varint(value):
    encoded = b""
    while value >= 0x80:
        encoded += bytes([value & 0x7F | 0x80])
        value >>= 7
    return encoded + bytes([value])


def prefixed(content):
    return varint(len(content)) + content


# Values


def encode_value(value):
    """One CBOR item. What another language could not read as the same is a TypeError."""
    check_value(value)
    return cbor2.dumps(value, canonical=True)


def check_value(value):
    kind = type(value)
    if kind is list:
        for element in value:
            check_value(element)
    elif kind is dict:
        for key, element in value.items():
            if type(key) is not str:
                raise TypeError(f"a key of a map is text, and not {type(key).__name__}")
            check_value(element)
    elif kind is int:
        if not -(2**63) <= value < 2**64:
            raise TypeError("an integer has 64 bits")
    elif value is not None and kind not in (str, bool, float, bytes):
        raise TypeError(f"a session holds text, numbers, bools, None, bytes, lists and dicts, and not {kind.__name__}")


def decode_value(item):
    stream = io.BytesIO(item)
    value = cbor2.load(stream)
    if stream.read(1):
        raise ValueError("bytes are left over")
    return None if value is cbor2.undefined else value


def as_kind(value, kind):
    """A number as the kind that is asked for, if nothing is lost: JavaScript writes 60.0 as 60, and 2.0**60 as a float."""
    if type(value) is kind:
        return value
    number = type(value) in (int, float) and kind in (int, float)
    try:
        if number and kind(value) == value:
            return kind(value)
    except (OverflowError, ValueError):
        pass
    raise TypeError(f"found {type(value).__name__}, wanted {kind.__name__}")


# Cookies


def pairs(headers):
    """Names and values of the first 1,000 cookies of a request."""
    for pair in b"; ".join(headers).split(b";")[:1000]:
        name, equals, value = pair.strip(b" \t").partition(b"=")
        # Only this pair is skipped: text beyond ASCII can look like another name.
        if equals and pair.isascii():
            yield name.decode(), value.decode()


@dataclass
class Budget:
    """What is left of the candidates of one request, whatever names they have."""

    count: int = 16
    size: int = 65536


def candidates(headers, cookie_name, budget=None):
    """The tokens under a name in the order received; None is one that lacks a chunk."""
    received = list(pairs(headers))
    budget, found = budget or Budget(), []
    for name, value in received:
        if name != cookie_name:
            continue
        token = join(received, name, int(value[0]), value[2:]) if re.match(r"[2-9]\.", value) else value
        if token is not None and token in found:
            continue
        budget.size -= len(token or "")
        if budget.count == 0 or budget.size < 0:
            budget.count = 0
            break
        budget.count -= 1
        found.append(token)
    return found


def join(received, cookie_name, count, token):
    if len(token) < 32:
        return None
    start = token[24:32] + "."
    for k in range(1, count):
        parts = (value for name, value in received if name == f"{cookie_name}.{k}" and value.startswith(start))
        part = next(parts, None)
        if part is None:
            return None
        token += part[len(start):]
    return token


def cut(token, cookie_name, attributes):
    """The cookies of a token. `attributes` is the length of the longest attributes."""
    whole = MAX_COOKIE - len(cookie_name) - 1 - attributes
    if len(token) <= whole:
        return [(cookie_name, token)]
    first, rest, start = token[: whole - 2], token[whole - 2 :], token[24:32] + "."
    size = whole - 2 - len(start)
    parts = [rest[at : at + size] for at in range(0, len(rest), size)]
    cookies = [(cookie_name, f"{len(parts) + 1}.{first}")]
    return cookies + [(f"{cookie_name}.{k}", start + part) for k, part in enumerate(parts, 1)]


@dataclass(frozen=True)
class Found:
    """A session as its cookie has it."""

    record: Record
    issued_at: int
    key: Key
    limits: tuple
    is_former: bool


@dataclass(frozen=True)
class FormerCookie:
    """A cookie that the sessions had before one of these settings changed. It counts until a time."""

    cookie_name: str
    until: int
    realm: str | None = None
    domain: str | None = None
    path: str = "/"
    partitioned: bool = False

    def names(self, settings):
        """What is part of its key."""
        return self.cookie_name, settings.realm if self.realm is None else self.realm, ""


@dataclass(frozen=True)
class Settings:
    """Those of the Rust application, under the same names. Times are seconds."""

    keys: list
    cookie_name: str = "__Host-session"
    realm: str = ""
    idle_timeout: int = 30 * 60
    absolute_timeout: int = 12 * 3600
    remember_idle_timeout: int = 14 * 86400
    remember_absolute_timeout: int = 90 * 86400
    reject_issued_before: int = 0
    clock_skew: int = 60
    max_cookie_bytes: int = 7000
    max_chunks: int = 2
    secure: bool = True
    former_cookies: list = field(default_factory=list)

    def timeouts(self, remembered):
        if remembered:
            return self.remember_idle_timeout, self.remember_absolute_timeout
        return self.idle_timeout, self.absolute_timeout

    def limits(self, record):
        """The earlier of the record's limits and those of today."""
        idle, lifetime = self.timeouts(record.remembered)
        return min(record.idle_limit, idle), min(record.lifetime, record.longest, lifetime)

    def attributes(self, path="/"):
        return "; HttpOnly; SameSite=Lax" + ("; Secure" if self.secure else "") + f"; Path={path}"


def find_session(headers, settings, now, typed="", formers=()):
    """The session of a request, or None; whether there are rivals; and whether any cookie is authentic. `formers` are the
    cookies that the site had before and still reads, each its name, realm and type."""
    floor, skew = settings.reject_issued_before, settings.clock_skew
    cookies = [(settings.cookie_name, settings.realm, typed), *formers]
    budget, present, former, authentic = Budget(), [], [], False
    for name in dict.fromkeys(name for name, _, _ in cookies):
        for token in candidates(headers, name, budget):
            try:
                if token is None:
                    continue
                own = [cookie for cookie in cookies if cookie[0] == name]
                cookie, (payload, issued_at, key) = open_for(token, own, settings, now)
                authentic = True
                record = read_record(payload)
                if typed == "":
                    read_dictionary(record.data)
            except TokenError as error:
                authentic |= error.code in ("NotYetValid", "Revoked", "Expired", "Payload", "UnknownLayout")
                continue
            limits = settings.limits(record)
            early = record.created_at > issued_at + skew or record.created_at < floor
            if record.device_key is None and not early and not is_over(record.created_at, issued_at, limits, now):
                found = former if cookie != cookies[0] else present
                found.append((name, Found(record, issued_at, key, limits, cookie != cookies[0])))
    counting = present or former
    # A sibling domain can set a name without the prefix, and so plant a session of its own: then none counts.
    logins = {(name, one.record.login_id) for name, one in counting if not name.startswith("__Host-")}
    rivals = len(logins) > len({name for name, _ in logins})
    if rivals or not counting:
        return None, rivals, authentic
    return max((one for _, one in counting), key=lambda one: one.issued_at), False, authentic


def open_for(token, cookies, settings, now):
    """Opens a token for the first cookie whose purpose it was sealed for."""
    floor, skew = settings.reject_issued_before, settings.clock_skew
    for cookie in cookies:
        try:
            return cookie, open_token(token, settings.keys, cookie_purpose(*cookie), now, skew=skew, floor=floor)
        except TokenError as error:
            if error.code != "Invalid":
                raise
    raise TokenError("Invalid")


def is_over(created_at, issued_at, limits, now):
    idle, lifetime = limits
    return now - created_at > lifetime or now - issued_at > idle


# The session of a request


class Session(MutableMapping):
    """A dictionary of the visitor's values, kept in an encrypted cookie."""

    def __init__(self, settings, headers, now, cross_origin=False):
        self._settings, self._headers, self._now, self._cross_origin = settings, headers, now, cross_origin
        self._opened = self._destroyed = self._is_login = False

    def _open(self):
        """The cookie is opened at first use: a request that never asks costs nothing."""
        if not self._opened:
            self._opened = True
            headers, settings = [] if self._cross_origin else self._headers, self._settings
            formers = [former.names(settings) for former in self._formers(self._now)]
            self._before, self._rivals, self._authentic = find_session(headers, settings, self._now, "", formers)
            self._record = replace(self._before.record) if self._before else self._new_record()
            self._values = read_dictionary(self._record.data)
            self._record.flashes = list(self._record.flashes)
        return self

    def _write(self, login=False):
        if self._cross_origin:
            raise CrossOrigin("a request from another origin cannot change the session")
        if self._open()._rivals and not login:
            raise Rivals("two logins came under one session cookie name: send the request again")
        return self

    def _new_record(self):
        idle, lifetime = self._settings.timeouts(False)
        longest = max(lifetime, self._settings.timeouts(True)[1])
        return Record(os.urandom(16), os.urandom(8), self._now, idle, lifetime, longest)

    def __getitem__(self, key):
        return decode_value(self._open()._values[key])

    def read(self, key, kind, default=None):
        """The value as this kind. A number is read as the kind asked for if nothing is lost."""
        return as_kind(self[key], kind) if key in self else default

    def __setitem__(self, key, value):
        if type(key) is not str:
            raise TypeError("a key is text")
        self._write()._values[key] = encode_value(value)

    def __delitem__(self, key):
        del self._write()._values[key]

    def __iter__(self):
        return iter(sorted(self._open()._values))

    def __len__(self):
        return len(self._open()._values)

    @property
    def id(self):
        return self._open()._record.id.hex()

    @property
    def login_id(self):
        return self._open()._record.login_id.hex()

    @property
    def is_new(self):
        return self._open()._before is None or self._destroyed

    @property
    def is_remembered(self):
        return self._open()._record.remembered

    def regenerate_for_login(self, remember=False):
        """Call it at login: new ids, a new lifetime, and the data stays. It defeats session fixation."""
        record, self._is_login = self._write(login=True)._record, True
        record.id, record.login_id, record.login = os.urandom(16), os.urandom(8), True
        record.created_at, record.remembered = self._now, remember
        record.idle_limit, record.lifetime = self._settings.timeouts(remember)
        record.longest = max(self._settings.timeouts(False)[1], self._settings.timeouts(True)[1])
        if self._before:
            del record.flashes[: len(self._before.record.flashes)]

    def flash(self, level, text):
        """A message for the next page that takes them: `info`, `success`, `warning` or `error`."""
        flashes = self._write()._record.flashes
        size = sum(len(text.encode()) for _, text in flashes) + len(text.encode())
        if level not in LEVELS or len(flashes) == MAX_FLASHES or size > MAX_FLASH_BYTES:
            raise ValueError("a level is one of four; 16 messages and 1,024 bytes of them fit")
        flashes.append((level, text))

    def take_flashes(self):
        """Returns the messages, and removes them."""
        flashes = list(self._open()._record.flashes)
        if flashes:
            self._write()._record.flashes = []
        return flashes

    def destroy(self):
        """Ends the session and removes its cookies. A later write starts a new one."""
        self._write(login=True)
        self._destroyed = True
        self._record, self._values = self._new_record(), {}

    def set_cookie(self, now, elapsed=0.0, renews=True):
        """The Set-Cookie lines of the response. `elapsed` is the time since the request's head, by a clock that never
        goes back: a late renewal could bring back a session that was ended meanwhile."""
        if not self._opened or self._cross_origin or (self._rivals and self._is_blank()):
            return []
        record, settings, before = self._record, self._settings, self._before
        record.data = write_dictionary(self._values)
        names = {name for name, _ in pairs(self._headers)}
        own = [settings.cookie_name] + [f"{settings.cookie_name}.{k}" for k in range(1, 10)]
        if self._is_blank():
            removed = [self._remove(name) for name in own if name in names] + self._remove_formers(names, now)
            return removed if self._destroyed else []
        limits = settings.limits(record)
        if before and not self._destroyed:
            login = record.login_id != before.record.login_id
            if record == before.record:
                age = now - before.issued_at
                resealed = before.key.retired_at is not None
                late = elapsed > (30 if age >= limits[0] // 2 else 1)
                if late or not renews or not (resealed or age >= max(limits[0] // 10, 1)):
                    return []
            elif not login and is_over(before.record.created_at, before.issued_at, before.limits, now):
                return []
        if is_over(record.created_at, now, limits, now) or record.created_at > now + settings.clock_skew:
            return []
        purpose = cookie_purpose(settings.cookie_name, settings.realm)
        token = seal_token(write_record(record), settings.keys[0], purpose, now)
        max_age = min(limits[0], record.created_at + limits[1] - now)
        tail = (f"; Max-Age={max_age}" if record.remembered else "") + settings.attributes()
        cookies = cut(token, settings.cookie_name, len(f"; Max-Age={LAST_SECOND}" + settings.attributes()))
        size = sum(len(name) + 1 + len(value) for name, value in cookies)
        if size > settings.max_cookie_bytes or len(cookies) > settings.max_chunks:
            raise TooBig(f"the session needs {size} bytes of cookies in {len(cookies)} of them: remove something")
        lines = [f"{name}={value}{tail}" for name, value in cookies]
        stale = [self._remove(name) for name in own[len(cookies) :] if name in names]
        # The new cookie comes last: a browser may take a former one for the same.
        return self._remove_formers(names, now) + lines + stale

    def _is_blank(self):
        return self.is_new and not self._values and not self._record.flashes

    def _remove(self, name, path="/", place=""):
        expired = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
        return f"{name}={self._settings.attributes(path)}{place}{expired}"

    def _formers(self, now):
        return [former for former in self._settings.former_cookies if now <= former.until]

    def _remove_formers(self, names, now):
        """At a move, a login and an end all of them, received or not: their path may have hidden them. One that looks as
        the present cookie goes at every save. A name may be another application's if no cookie is authentic."""
        settings, lines = self._settings, []
        is_last = self._is_login or self._destroyed or (self._before is not None and self._before.is_former)
        for former in self._formers(now) if self._authentic else ():
            if not is_last and former.names(settings) != (settings.cookie_name, settings.realm, ""):
                continue
            chunks = [f"{former.cookie_name}.{k}" for k in range(1, 10)]
            place = "; Partitioned" if former.partitioned else ""
            for name in [former.cookie_name, *(name for name in chunks if name in names)]:
                if former.domain:
                    lines.append(self._remove(name, former.path, f"{place}; Domain={former.domain}"))
                lines.append(self._remove(name, former.path, place))
        return lines


class HardtackSessions:
    """ASGI middleware. `keys` is the text of the list; the other settings are those of `Settings`."""

    def __init__(self, app, keys, clock=time.time, ticks=time.monotonic, **settings):
        self.app, self.clock, self.ticks = app, clock, ticks
        self.settings = Settings(read_keys(keys), **settings)

    def now(self):
        return int(self.clock())

    def set_keys(self, keys):
        """Replaces the keys while the server runs."""
        self.settings = replace(self.settings, keys=read_keys(keys))

    async def __call__(self, scope, receive, send):
        if scope["type"] not in ("http", "websocket"):
            return await self.app(scope, receive, send)
        head = self.ticks()
        headers = [value for name, value in scope["headers"] if name == b"cookie"]
        session = Session(self.settings, headers, self.now(), is_cross_origin(scope))
        scope["session"] = session
        started = False

        async def send_with_cookie(message):
            nonlocal started
            if message["type"] == "http.response.start":
                lines = session.set_cookie(self.now(), self.ticks() - head, renews(scope))
                started = True
                message = {**message, "headers": with_cookies(message.get("headers", []), lines, session._opened)}
            await send(message)

        try:
            await self.app(scope, receive, send_with_cookie)
        except (CrossOrigin, Rivals, TooBig) as error:
            if started or scope["type"] != "http":
                raise
            status = {CrossOrigin: 403, Rivals: 503}.get(type(error), 500)
            headers = [(b"cache-control", b"no-store"), (b"content-length", b"0")]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": b""})


def renews(scope):
    """HEAD, a prefetch and the image of another page renew nothing."""
    headers = dict(scope["headers"])
    quiet = headers.get(b"sec-fetch-mode") == b"no-cors" or b"prefetch" in headers.get(b"sec-purpose", b"")
    return scope.get("method") != "HEAD" and not quiet


def with_cookies(headers, lines, used):
    """No shared cache keeps what depends on a session."""
    if not used:
        return headers
    own = [(name, value) for name, value in headers if name.lower() not in (b"cache-control", b"vary")]
    control = b"no-store" if lines else b"private"
    kept = b", ".join(value for name, value in headers if name.lower() == b"cache-control")
    if kept and (not lines or b"no-store" in kept.lower()):
        control = kept
    vary = [value for name, value in headers if name.lower() == b"vary"] + [b"Cookie"]
    own += [(b"cache-control", control), (b"vary", b", ".join(vary))]
    return own + [(b"set-cookie", line.encode()) for line in lines]


def is_cross_origin(scope):
    """Whether the request may change nothing: cross-site request forgery."""
    headers = dict(scope["headers"])
    if scope["type"] == "http" and scope["method"] in ("GET", "HEAD", "OPTIONS", "TRACE"):
        return False
    site, origin = headers.get(b"sec-fetch-site"), headers.get(b"origin")
    if site is not None:
        return site not in (b"same-origin", b"none")
    if origin is None:
        return False
    scheme, separator, authority = origin.lower().partition(b"://")
    default = {b"http": b":80", b"https": b":443"}.get(scheme, b"")
    return not separator or authority != headers.get(b"host", b"").lower().removesuffix(default)
