"""Run `python -m unittest` in this directory, with what requirements.txt names."""

import asyncio
import json
import math
import os
import pathlib
import random
import re
import unittest
from datetime import datetime
from urllib.parse import urlencode

import app as site
import hardtack_session as hs

VECTORS = pathlib.Path(os.environ.get("VECTORS", pathlib.Path(__file__).parent / "../../tests/vectors"))
NOW = 1_700_000_000
NEW, OLD = ("8f0b6ad3c2e41797a5501d3e6cb4f8290e7d5a1b3c9f24680bd7e1a2c4f69358", "41" + "c27e90ad5b38f6140bd7e1a2c4f6935e7d5a1b3c9f24688f0b6ad3c2e417" + "97")


def vectors(name):
    return json.loads((VECTORS / name).read_text())


def header_lines(headers):
    unescape = lambda text: re.sub(r"\\x(..)", lambda found: chr(int(found[1], 16)), text)
    return [unescape(header).encode("latin-1") for header in headers]


def keys_of(vector):
    return [hs.Key(bytes.fromhex(key["master"]), key.get("retired_at")) for key in vector["keys"]]


class Vectors(unittest.TestCase):
    def test_keys(self):
        for vector in vectors("keys.json")["derivations"]:
            found = hs.Key(bytes.fromhex(vector["master"])).derive(vector["purpose"], vector["label"])
            self.assertEqual([part.hex() for part in found], [vector[part] for part in ("prk", "key_id", "key")])

    def test_tokens(self):
        for name in ("tokens.json", "precedence.json"):
            for vector in vectors(name):
                ad = b"" if vector["ad"] is None else b"\1" + bytes.fromhex(vector["ad"])
                found = {"error": None, "key": None, "payload": None}
                try:
                    payload, _, key = hs.open_token(
                        vector["token"], keys_of(vector), vector["purpose"], vector["now"], "seal", ad,
                        vector["skew"], vector["max_age"], vector["floor"], vector["limit"],
                    )
                    if vector["reads"] == "string":
                        reader = hs.Reader(payload)
                        reader.text(reader.varint())
                        if reader.rest:
                            raise hs.TokenError("Payload")
                    found |= {"key": key.derive("")[1].hex(), "payload": payload.hex()}
                except hs.TokenError as error:
                    found |= {"error": error.code, "key": error.key_id}
                self.assertEqual(found, {name: vector[name] for name in found}, vector["name"])

    def test_records(self):
        for vector in vectors("records.json"):
            try:
                record = hs.read_record(bytes.fromhex(vector["record"]))
                if vector["dictionary"]:
                    hs.read_dictionary(record.data)
            except hs.TokenError as error:
                self.assertEqual(error.code, vector["error"], vector["name"])
                continue
            self.assertIsNone(vector["error"], vector["name"])
            found = {name: value.hex() if isinstance(value, bytes) else value for name, value in vars(record).items()}
            found["flashes"] = [{"level": level, "text": text} for level, text in record.flashes]
            self.assertEqual(found, vector["fields"], vector["name"])
            self.assertEqual(hs.write_record(record).hex(), vector["record"], vector["name"])

    def test_cookies(self):
        for name in ("cookies.json", "chunks.json"):
            for vector in vectors(name):
                found = hs.candidates(header_lines(vector["headers"]), vector["cookie"])
                self.assertEqual(found, vector["tokens"], vector["name"])

    def test_sessions(self):
        for vector in vectors("sessions.json"):
            settings = hs.Settings(
                keys_of(vector), vector["cookie"], vector["realm"], idle_timeout=hs.LAST_SECOND,
                absolute_timeout=hs.LAST_SECOND, remember_idle_timeout=hs.LAST_SECOND,
                remember_absolute_timeout=hs.LAST_SECOND, reject_issued_before=vector["floor"],
                clock_skew=vector["skew"],
            )
            headers = header_lines(vector["headers"])
            formers = [(one["cookie"], one["realm"], one["session"]) for one in vector.get("formers") or ()]
            found, rivals, _ = hs.find_session(headers, settings, vector["now"], vector["session"], formers)
            if found:
                record = found.record
                found = {"id": record.id.hex()}
                if vector["session"]:
                    found["data"] = record.data.hex()
                else:
                    found["values"] = {key: item.hex() for key, item in hs.read_dictionary(record.data).items()}
            self.assertEqual(found, vector["found"], vector["name"])
            self.assertEqual(rivals, vector["rivals"], vector["name"])


class Values(unittest.TestCase):
    def test_what_another_language_reads_as_the_same_is_written_in_the_shortest_form(self):
        for value, item in [
            (None, "f6"), (True, "f5"), (60, "183c"), (60.0, "f95380"), (-1, "20"), (2**53 + 1, "1b0020000000000001"),
            (2**64 - 1, "1bffffffffffffffff"), (-(2**63), "3b7fffffffffffffff"), (0.1, "fb3fb999999999999a"),
            (math.inf, "f97c00"), (math.nan, "f97e00"), (-0.0, "f98000"), ("Zoë", "645a6fc3ab"), (b"\xff", "41ff"),
            ([1, "a"], "82016161"), ({"b": 1, "a": 2, "aa": 3}, "a361610261620162616103"),
        ]:
            self.assertEqual(hs.encode_value(value).hex(), item, value)
            back = hs.decode_value(bytes.fromhex(item))
            same = back == value if isinstance(value, dict) else repr(back) == repr(value)
            self.assertTrue(same, back)
        self.assertIsNone(hs.decode_value(b"\xf7"))

    def test_what_another_language_reads_otherwise_is_refused(self):
        for value in [2**64, -(2**63) - 1, (1, 2), {1}, {1: 2}, {"a": {b"b": 1}}, [datetime(2026, 1, 1)], 1j, object()]:
            with self.assertRaises(TypeError):
                hs.encode_value(value)

    def test_a_number_is_read_as_the_kind_asked_for_if_nothing_is_lost(self):
        for value, kind, found in [
            (60, int, 60), (60.0, int, 60), (60, float, 60.0), (2.0**60, int, 2**60), (2**60, float, 2.0**60), ("a", str, "a"),
        ]:
            read = hs.as_kind(value, kind)
            self.assertEqual((read, type(read)), (found, kind))
        for value, kind in [
            (60.5, int), (2**53 + 1, float), (math.inf, int), (math.nan, int), (True, int), (1, bool), ("1", int), (1, str),
        ]:
            with self.assertRaises(TypeError):
                hs.as_kind(value, kind)

    def test_values_that_are_not_touched_come_back_to_the_bit(self):
        tried = 0
        for vector in vectors("sessions.json"):
            if vector["found"] is None or vector["session"]:
                continue
            settings = hs.Settings(keys_of(vector)[:1], vector["cookie"], vector["realm"], max_chunks=9, max_cookie_bytes=40000)
            values = {key: bytes.fromhex(item) for key, item in vector["found"]["values"].items()}
            record = hs.Record(bytes(16), bytes(8), NOW, 1800, 43200, 43200, data=hs.write_dictionary(values))
            purpose = hs.cookie_purpose(settings.cookie_name, settings.realm)
            token = hs.seal_token(hs.write_record(record), settings.keys[0], purpose, NOW)
            session = hs.Session(settings, [f"{settings.cookie_name}={token}".encode()], NOW)
            session["touched here"] = 1
            after, *_ = hs.find_session([cookie_header(session.set_cookie(NOW))], settings, NOW)
            items = hs.read_dictionary(after.record.data)
            del items["touched here"]
            self.assertEqual(items, values, vector["name"])
            tried += len(values) > 0
        self.assertGreater(tried, 0)


def cookie_header(lines):
    return "; ".join(line.split(";")[0] for line in lines).encode()


class Visitor:
    """A browser with one jar, before an application whose time stands still."""

    def __init__(self, keys=NEW, **settings):
        self.now, self.ticks, self.jar, self.lines = NOW, 0.0, {}, []
        self.app = site.make_app(keys, clock=lambda: self.now, ticks=lambda: self.ticks, **settings)
        self.app.add_api_route("/login", self.log_in, methods=["POST"])
        self.app.add_api_route("/big", self.big, methods=["POST"])
        self.app.add_api_route("/slow", self.slow, methods=["GET"])

    async def log_in(self, request: site.Request, remember: bool = False):
        request.session["user"] = "ada"
        request.session.regenerate_for_login(remember)
        return request.session.login_id

    async def big(self, request: site.Request, size: int):
        request.session["big"] = random.Random(5).randbytes(size)

    async def slow(self, request: site.Request):
        self.ticks += 2
        return request.session.get("user")

    def ask(self, method, path, headers=(), form=None):
        body = urlencode(form or {}).encode()
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        headers = [(b"host", b"localhost"), (b"cookie", cookies.encode()), *headers]
        headers += [(b"content-type", b"application/x-www-form-urlencoded"), (b"content-length", str(len(body)).encode())]
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "method": method, "path": path, "raw_path": path.encode(), "query_string": query.encode(),
            "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("localhost", 80), "root_path": "",
        }
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        asyncio.run(self.app(scope, receive, send))
        self.headers = sent[0]["headers"]
        self.lines = [value.decode() for name, value in self.headers if name == b"set-cookie"]
        for line in self.lines:
            name, _, value = line.split(";")[0].partition("=")
            self.jar.pop(name, None)
            if "Max-Age=0" not in line:
                self.jar[name] = value
        self.body = b"".join(message.get("body", b"") for message in sent[1:]).decode()
        return sent[0]["status"]

    def header(self, wanted):
        return [value.decode() for name, value in self.headers if name == wanted]

    def record(self):
        settings = next(m.kwargs for m in self.app.user_middleware)
        keys = hs.read_keys(settings["keys"])
        header = "; ".join(f"{name}={value}" for name, value in self.jar.items()).encode()
        return hs.find_session([header], hs.Settings(keys), self.now)[0]


class Sessions(unittest.TestCase):
    def test_a_session_begins_when_something_is_written(self):
        visitor = Visitor()
        self.assertEqual(visitor.ask("GET", "/fastapi/"), 200)
        self.assertEqual(visitor.lines, [])
        self.assertEqual(visitor.header(b"cache-control"), ["private"])
        self.assertEqual(visitor.header(b"vary"), ["Cookie"])
        self.assertEqual(visitor.ask("POST", "/fastapi/cart", form={"ware": "Biscuit"}), 303)
        self.assertRegex(visitor.lines[0], r"^__Host-session=h[^;]+; HttpOnly; SameSite=Lax; Secure; Path=/$")
        self.assertEqual(visitor.header(b"cache-control"), ["no-store"])
        visitor.ask("GET", "/fastapi/")
        self.assertIn('<li id="count-Biscuit">1</li>', visitor.body)
        self.assertIn("It is in your cart.", visitor.body)
        visitor.ask("GET", "/fastapi/")
        self.assertNotIn("It is in your cart.", visitor.body)
        self.assertEqual(visitor.ask("GET", "/docs"), 200)
        self.assertEqual(visitor.header(b"vary"), [])

    def test_a_login_has_new_ids_and_a_logout_removes_the_cookie(self):
        visitor = Visitor()
        visitor.ask("POST", "/fastapi/cart", form={"ware": "Biscuit"})
        before = visitor.record().record
        visitor.ask("POST", "/login?remember=true")
        self.assertIn("; Max-Age=1209600; ", visitor.lines[0])
        after = visitor.record().record
        self.assertTrue(after.login and after.remembered)
        self.assertNotIn(after.id, (before.id,))
        self.assertNotEqual(after.login_id, before.login_id)
        self.assertEqual((after.idle_limit, after.lifetime, after.longest), (1209600, 7776000, 7776000))
        visitor.ask("POST", "/fastapi/logout")
        self.assertEqual(visitor.jar, {})

    def test_timeouts_end_a_session_and_use_renews_it(self):
        visitor = Visitor()
        visitor.ask("POST", "/login")
        visitor.now += 179
        visitor.ask("GET", "/slow")
        self.assertEqual(visitor.lines, [])
        visitor.now += 1
        visitor.ask("GET", "/slow")
        self.assertEqual(visitor.lines, [], "a late renewal")
        visitor.ask("GET", "/fastapi/")
        self.assertEqual(len(visitor.lines), 1)
        for wait, user in [(1800, "ada"), (1801, "")]:
            visitor.now += wait
            visitor.ask("GET", "/fastapi/")
            self.assertIn(f'<p id="user">{user}</p>', visitor.body)
        visitor.ask("POST", "/login")
        for _ in range(43200 // 1800):
            visitor.now += 1800
            visitor.ask("GET", "/fastapi/")
            self.assertIn("ada", visitor.body)
        visitor.now += 1
        visitor.ask("GET", "/fastapi/")
        self.assertNotIn("ada", visitor.body)
        # The other instance may have later settings: the cookie stays.
        self.assertIn("__Host-session", visitor.jar)

    def test_keys_rotate_and_nobody_is_logged_out(self):
        visitor = Visitor(OLD)
        visitor.ask("POST", "/login")
        old = visitor.jar["__Host-session"]
        for keys, changes in [(f"{OLD},{NEW}", False), (f"{NEW},{OLD}", False), (f"{NEW}, {OLD}@{NOW}", True), (NEW, False)]:
            moved = Visitor(keys)
            moved.jar = visitor.jar
            moved.ask("GET", "/fastapi/")
            self.assertIn("ada", moved.body)
            self.assertEqual(len(moved.lines) > 0, changes, keys)
        late = Visitor(f"{NEW},{OLD}@{NOW - 61}")
        for visitor, jar in [(Visitor(NEW), old), (late, old)]:
            visitor.jar = {"__Host-session": jar}
            visitor.ask("GET", "/fastapi/")
            self.assertNotIn("ada", visitor.body)
            self.assertEqual(visitor.lines, [])

    def test_a_large_session_takes_several_cookies_and_then_fewer(self):
        visitor = Visitor()
        visitor.ask("POST", "/big?size=4000")
        self.assertEqual(sorted(visitor.jar), ["__Host-session", "__Host-session.1"])
        self.assertLessEqual(max(map(len, visitor.lines)), 4096)
        visitor.ask("GET", "/fastapi/")
        visitor.ask("POST", "/big?size=10")
        self.assertEqual(list(visitor.jar), ["__Host-session"])
        jar = dict(visitor.jar)
        self.assertEqual(visitor.ask("POST", "/big?size=9000"), 500)
        self.assertEqual(visitor.jar, jar)

    def test_a_session_of_nine_cookies_comes_back(self):
        settings = hs.Settings(hs.read_keys(NEW), max_chunks=9, max_cookie_bytes=40_000)
        session = hs.Session(settings, [], NOW)
        session["big"] = bytes(24_000)
        lines = session.set_cookie(NOW)
        self.assertEqual(len(lines), 9)
        self.assertEqual(hs.Session(settings, [cookie_header(lines)], NOW)["big"], bytes(24_000))

    def test_a_request_from_another_origin_reads_and_writes_nothing(self):
        visitor = Visitor()
        visitor.ask("POST", "/login")
        for headers, status in [
            ([(b"sec-fetch-site", b"cross-site")], 403), ([(b"sec-fetch-site", b"same-site")], 403),
            ([(b"origin", b"https://evil.example")], 403), ([(b"origin", b"null")], 403),
            ([(b"sec-fetch-site", b"same-origin")], 303), ([(b"origin", b"http://localhost")], 303), ([], 303),
        ]:
            self.assertEqual(visitor.ask("POST", "/fastapi/cart", headers, {"ware": "Rope"}), status, headers)
            self.assertEqual(len(visitor.lines) > 0, status == 303)

    def test_of_two_logins_under_a_name_that_others_can_set_neither_counts(self):
        settings = hs.Settings(hs.read_keys(NEW), cookie_name="id")
        header = []
        for _ in range(2):
            session = hs.Session(settings, [], NOW)
            session["user"] = "ada"
            header.append(cookie_header(session.set_cookie(NOW)))
        session = hs.Session(settings, [b"; ".join(header)], NOW)
        self.assertEqual(dict(session), {})
        with self.assertRaises(hs.Rivals):
            session["user"] = "eve"
        self.assertEqual(session.set_cookie(NOW), [])

    def test_a_former_cookie_moves_at_the_next_save_and_nothing_old_logs_in_again(self):
        def browser(now=NOW, user="ada", **settings):
            session = hs.Session(hs.Settings(hs.read_keys(NEW), **settings), [], NOW)
            session["user"] = user
            return cookie_header(session.set_cookie(NOW))

        present = browser()
        for before, former, places in [
            ({"cookie_name": "sid"}, {"cookie_name": "sid"}, ["Path=/"]),
            ({"realm": "one"}, {"cookie_name": "__Host-session", "realm": "one"}, ["Path=/"]),
            ({"cookie_name": "sid"}, {"cookie_name": "sid", "domain": "a.example", "path": "/shop", "partitioned": True},
             ["Path=/shop; Partitioned; Domain=a.example", "Path=/shop; Partitioned"]),
        ]:
            old, name = browser(**before), former["cookie_name"]
            settings = hs.Settings(hs.read_keys(NEW), former_cookies=[hs.FormerCookie(until=NOW + 900, **former)])
            expired = "; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT"
            removal = [f"{name}=; HttpOnly; SameSite=Lax; Secure; {place}{expired}" for place in places]

            def lines(headers, act, now=NOW + 1):
                session = hs.Session(settings, headers, now)
                user = session.get("user")
                act(session)
                return user, session.set_cookie(now)

            def write(session):
                session["theme"] = "dark"

            read = lambda session: None
            before = hs.Session(hs.Settings(hs.read_keys(NEW), **before), [old], NOW)
            moved = hs.Session(settings, [old], NOW + 1)
            self.assertEqual((moved.id, moved.login_id), (before.id, before.login_id))
            # The next save moves it: a write, or a renewal that is due.
            self.assertEqual(lines([old], read), ("ada", []))
            for act, now in [(write, NOW + 1), (read, NOW + 180)]:
                user, found = lines([old], act, now)
                self.assertEqual((user, found[:-1]), ("ada", removal))
                self.assertRegex(found[-1], "^__Host-session=h")
            after = hs.Session(settings, [cookie_header(found[-1:])], NOW + 180)
            self.assertEqual(after.id, before.id)
            # Beside the present cookie it does not count. A login and a logout remove it, received or not.
            other = browser(user="eve")
            both = [old, other] if name == "sid" else [other]
            self.assertEqual(lines(both, read), ("eve", []))
            self.assertEqual(len(lines(both, write)[1]), 1)
            for act in (lambda session: session.regenerate_for_login(), lambda session: session.destroy()):
                self.assertLessEqual(set(removal), set(lines([present], act)[1]))
                # Nothing says that the browser has one of ours.
                for foreign in ([], [b"sid=7"]):
                    self.assertFalse(set(removal) & set(lines(foreign, act)[1]))
            # It is over after its end.
            self.assertEqual(lines([old], read, NOW + 900)[0], "ada")
            self.assertEqual(lines([old], read, NOW + 901), (None, []))
            self.assertEqual(len(lines([present], lambda session: session.regenerate_for_login(), NOW + 901)[1]), 1)

    def test_a_former_cookie_that_looks_as_the_present_one_goes_at_every_save(self):
        former = hs.FormerCookie("sid", NOW + 900, domain="a.example")
        settings = hs.Settings(hs.read_keys(NEW), cookie_name="sid", former_cookies=[former])
        session = hs.Session(settings, [], NOW)
        session["user"] = "ada"
        lines = session.set_cookie(NOW)
        self.assertEqual(len(lines), 1)
        session = hs.Session(settings, [cookie_header(lines)], NOW)
        session["user"] = "grace"
        *removals, line = session.set_cookie(NOW)
        self.assertIn("; Domain=a.example; Max-Age=0", removals[0])
        # Its twin without a domain is the present cookie, which comes last.
        self.assertRegex(line, "^sid=h")

    def test_an_idle_cookie_is_authentic_so_a_login_beside_it_removes_the_former_one(self):
        former = hs.FormerCookie("sid", NOW + 9000)
        settings = hs.Settings(hs.read_keys(NEW), former_cookies=[former])
        session = hs.Session(settings, [], NOW)
        session["user"] = "ada"
        idle = cookie_header(session.set_cookie(NOW))
        session = hs.Session(settings, [idle], NOW + 1801)
        self.assertTrue(session.is_new)
        session.regenerate_for_login()
        session["user"] = "ada"
        self.assertRegex(session.set_cookie(NOW + 1801)[0], "^sid=;")

    def test_a_renewal_is_left_out_if_it_comes_late_or_nobody_looks_at_the_page(self):
        settings = hs.Settings(hs.read_keys(NEW))
        session = hs.Session(settings, [], NOW)
        session["user"] = "ada"
        header = [cookie_header(session.set_cookie(NOW))]

        def renewed(age, elapsed, renews=True):
            session = hs.Session(settings, header, NOW + age)
            session.get("user")
            return len(session.set_cookie(NOW + age, elapsed, renews))

        for age, elapsed, count in [(179, 0, 0), (180, 1, 1), (180, 1.1, 0), (899, 1.1, 0), (900, 30, 1), (900, 30.1, 0)]:
            self.assertEqual(renewed(age, elapsed), count, (age, elapsed))
        self.assertEqual(renewed(900, 0, renews=False), 0)
        for method, headers, renews in [
            ("GET", [], True), ("HEAD", [], False), ("GET", [(b"sec-fetch-mode", b"no-cors")], False),
            ("GET", [(b"sec-purpose", b"prefetch;prerender")], False),
        ]:
            self.assertEqual(hs.renews({"method": method, "headers": headers}), renews)

    def test_a_login_drops_the_messages_of_the_session_before(self):
        settings = hs.Settings(hs.read_keys(NEW))
        session = hs.Session(settings, [], NOW)
        session.flash("info", "planted")
        session = hs.Session(settings, [cookie_header(session.set_cookie(NOW))], NOW)
        session.flash("success", "Welcome")
        session.regenerate_for_login()
        self.assertEqual(session.take_flashes(), [("success", "Welcome")])

    def test_no_copy_outlives_the_longest_lifetime_of_its_record(self):
        settings = hs.Settings(hs.read_keys(NEW))
        record = hs.Record(bytes(16), bytes(8), NOW, 1800, 43200, 100, remembered=True)
        token = hs.seal_token(hs.write_record(record), settings.keys[0], hs.cookie_purpose(settings.cookie_name), NOW)
        session = hs.Session(settings, [f"__Host-session={token}".encode()], NOW + 60)
        session["user"] = "ada"
        self.assertIn("; Max-Age=40; ", session.set_cookie(NOW + 60)[0])

    def test_a_late_answer_does_not_bring_back_what_is_over(self):
        settings = hs.Settings(hs.read_keys(NEW))
        session = hs.Session(settings, [], NOW)
        session["user"] = "ada"
        header = [cookie_header(session.set_cookie(NOW))]
        session = hs.Session(settings, header, NOW)
        session["user"] = "grace"
        self.assertEqual(session.set_cookie(NOW + 1801), [])
        self.assertEqual(len(session.set_cookie(NOW + 1800)), 1)

    def test_a_session_bound_to_a_device_or_begun_later_is_refused_and_stays(self):
        settings = hs.Settings(hs.read_keys(NEW))
        record = hs.Record(bytes(16), bytes(8), NOW, 1800, 43200, 43200)
        for change in ({"device_key": b"\2" + bytes(32)}, {"created_at": NOW + 61}):
            changed = hs.replace(record, **change)
            purpose = hs.cookie_purpose(settings.cookie_name)
            token = hs.seal_token(hs.write_record(changed), settings.keys[0], purpose, NOW)
            session = hs.Session(settings, [f"__Host-session={token}".encode()], NOW)
            self.assertTrue(session.is_new)
            self.assertEqual(session.set_cookie(NOW), [])

    def test_keys_with_a_fault_are_refused_and_not_repeated(self):
        base64 = hs.base64.b64encode(bytes.fromhex(NEW)).decode()
        self.assertEqual(hs.read_keys(f" {base64} ,{OLD}@5")[0], hs.read_keys(NEW)[0])
        for text in ["", "secret", f"{NEW}@5", f"{NEW},", f"{NEW},{OLD}@", f"{NEW},{OLD}@x", f"{NEW},{base64}", NEW + "0"]:
            with self.assertRaises(ValueError) as raised:
                hs.read_keys(text)
            self.assertNotIn(NEW, str(raised.exception))


if __name__ == "__main__":
    unittest.main()
