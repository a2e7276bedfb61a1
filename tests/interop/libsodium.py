"""The token format of hardtack on libsodium (PyNaCl), written from the format document.

A library of two functions and, run as a program, a peer that answers one JSON request a line; README.md beside the
vectors explains the fields. `python libsodium.py vectors DIR` runs the vectors.
"""

import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import sys

from nacl.bindings import (
    crypto_aead_xchacha20poly1305_ietf_decrypt as decrypt,
    crypto_aead_xchacha20poly1305_ietf_encrypt as encrypt,
)
from nacl.exceptions import CryptoError

PLAIN, PADDED = 0x84, 0x85
LAST_SECOND = 0xFFFFFFFF


class TokenError(Exception):
    def __init__(self, code, key_id=None):
        super().__init__(code)
        self.code, self.key_id = code, key_id


def expand(prk, info, length):
    """HKDF-Expand of RFC 5869, of which one block is enough."""
    return hmac.digest(prk, info + b"\x01", hashlib.sha256)[:length]


def derive(master, purpose, label="seal"):
    prk = hmac.digest(b"hardtack v1", master, hashlib.sha256)
    return prk, expand(prk, b"key id", 3), expand(prk, f"{label}\0{purpose}".encode(), 32)


def place(realm, session):
    """The purpose of `record`, `owner` and `about`."""
    return f"{realm}\0{session}"


def record_key(realm, session, record_id):
    return hashlib.sha256(b"hardtack record v1\0" + place(realm, session).encode() + b"\0" + record_id).digest()[:16]


def owner(master, realm, session, subject):
    return hmac.digest(derive(master, place(realm, session), "owner")[2], subject.encode(), hashlib.sha256)[:16]


def rkey(master, realm, session, secret):
    salt = derive(master, place(realm, session), "record")[2]
    return expand(hmac.digest(salt, secret, hashlib.sha256), b"", 32)


def moved_secret(master, realm, session, record_id):
    prk, _, _ = derive(master, "")
    return expand(prk, b"move\0" + place(realm, session).encode() + b"\0" + record_id, 16)


def open_stored(raw, keys, bound):
    """A stored record or a description. `keys`: pairs of a key id and its key. `bound` is the record key, and the owner of a description."""
    if len(raw) < 40:
        raise TokenError("Invalid")
    if raw[0] not in (PLAIN, PADDED):
        raise TokenError("UnknownVersion")
    key = dict(keys).get(raw[1:4])
    if key is None:
        raise TokenError("UnknownKey")
    try:
        plaintext = decrypt(raw[24:], associated(bound), raw[:24], key)
    except CryptoError:
        raise TokenError("Invalid") from None
    return unpad(plaintext) if raw[0] == PADDED else plaintext


def unpad(plaintext):
    plaintext = plaintext.rstrip(b"\0")
    if not plaintext.endswith(b"\x80"):
        raise TokenError("Payload")
    return plaintext[:-1]


def associated(ad):
    return b"" if ad is None else b"\x01" + ad


def seal(payload, master, purpose, ad, block, now, random):
    if not 0 <= now < LAST_SECOND:
        raise ValueError("no time to seal at")
    _, key_id, key = derive(master, purpose)
    version = PLAIN
    if block > 1:
        version = PADDED
        payload += b"\x80"
        payload += bytes(-len(payload) % block)
    header = bytes([version]) + key_id + now.to_bytes(4, "big") + random
    token = header + encrypt(payload, associated(ad), header, key)
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def decode(token):
    """Strict base64url: what Python's lax decoder takes must also be what encoding gives."""
    if not re.fullmatch(r"[A-Za-z0-9_-]*", token) or len(token) % 4 == 1:
        raise TokenError("Invalid")
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    if base64.urlsafe_b64encode(raw).rstrip(b"=").decode() != token or len(raw) < 40:
        raise TokenError("Invalid")
    return raw


def open_token(token, keys, purpose, ad, now, skew, max_age, floor, limit):
    """`keys`: pairs of the master and the second of its retirement, or None."""
    if len(token.encode()) > limit:
        raise TokenError("TooLong")
    raw = decode(token)
    header, boxed = raw[:24], raw[24:]
    if header[0] not in (PLAIN, PADDED):
        raise TokenError("UnknownVersion")
    ring = {key_id: (key, retired) for (_, key_id, key), retired in ((derive(m, purpose), r) for m, r in keys)}
    if header[1:4] not in ring:
        raise TokenError("UnknownKey", header[1:4].hex())
    key, retired = ring[header[1:4]]
    try:
        payload = decrypt(boxed, associated(ad), header, key)
    except CryptoError:
        raise TokenError("Invalid") from None
    issued_at = int.from_bytes(header[4:8], "big")
    if issued_at == LAST_SECOND or issued_at > now + skew:
        raise TokenError("NotYetValid")
    if issued_at < floor or (retired is not None and issued_at > retired + skew):
        raise TokenError("Revoked")
    if now - issued_at > max_age:
        raise TokenError("Expired")
    if header[0] == PADDED:
        payload = unpad(payload)
    return payload, header[1:4].hex()


def is_string(payload):
    """Whether the payload is postcard's encoding of a string and nothing else."""
    length = 0
    for i, byte in enumerate(payload[:10]):
        length |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            text = payload[i + 1 :]
            try:
                text.decode()
            except UnicodeDecodeError:
                return False
            return len(text) == length
    return False


def unhex(text):
    return None if text is None else bytes.fromhex(text)


def do_open(ask):
    keys = [(bytes.fromhex(key["master"]), key.get("retired_at")) for key in ask["keys"]]
    try:
        payload, key_id = open_token(
            ask["token"], keys, ask["purpose"], unhex(ask["ad"]),
            ask["now"], ask["skew"], ask["max_age"], ask["floor"], ask["limit"],
        )
        if ask["reads"] == "string" and not is_string(payload):
            raise TokenError("Payload")
    except TokenError as error:
        return {"error": error.code, "key": error.key_id, "payload": None}
    return {"error": None, "key": key_id, "payload": payload.hex()}


def do_seal(ask):
    random = unhex(ask["random"]) or os.urandom(16)
    try:
        token = seal(
            bytes.fromhex(ask["payload"]), bytes.fromhex(ask["master"]), ask["purpose"],
            unhex(ask["ad"]), ask["block"], ask["now"], random,
        )
    except ValueError:
        return {"token": None}
    return {"token": token}


def peer():
    for line in sys.stdin:
        ask = json.loads(line)
        print(json.dumps(do_seal(ask) if ask["op"] == "seal" else do_open(ask)), flush=True)


def vectors(directory):
    directory = pathlib.Path(directory)
    for derivation in json.loads((directory / "keys.json").read_text())["derivations"]:
        found = derive(bytes.fromhex(derivation["master"]), derivation["purpose"], derivation["label"])
        assert [part.hex() for part in found] == [derivation[part] for part in ("prk", "key_id", "key")]
    for name in ("tokens.json", "precedence.json"):
        all_of_them = json.loads((directory / name).read_text())
        for vector in all_of_them:
            expected = {field: vector[field] for field in ("error", "key", "payload")}
            assert do_open(vector) == expected, vector["name"]
            if vector["block"] is not None:
                header = decode(vector["token"])[:24]
                sealer = next(k for k in vector["keys"] if derive(bytes.fromhex(k["master"]), "")[1] == header[1:4])
                token = seal(
                    bytes.fromhex(vector["payload"]), bytes.fromhex(sealer["master"]), vector["purpose"],
                    unhex(vector["ad"]), vector["block"], int.from_bytes(header[4:8], "big"), header[8:],
                )
                assert token == vector["token"], vector["name"]
        print(f"{name}: {len(all_of_them)} vectors")
    store_vectors(directory)


def store_vectors(directory):
    """The keys of server-side storage, and whether the bytes of a store open."""
    all_of_them = json.loads((directory / "stores.json").read_text())
    for vector in all_of_them:
        name, where = vector["name"], (vector.get("realm"), vector.get("session"))
        if vector["kind"] == "keys":
            master, record_id = bytes.fromhex(vector["master"]), bytes.fromhex(vector["id"])
            found = {
                "prk": derive(master, "")[0],
                "record_key": record_key(*where, record_id),
                "owner": owner(master, *where, vector["subject"]),
                "rkey": rkey(master, *where, bytes.fromhex(vector["secret"])),
                "about": derive(master, place(*where), "about")[2],
                "moved_secret": moved_secret(master, *where, record_id),
            }
            for field, value in found.items():
                assert value.hex() == vector[field], (name, field)
        elif vector["kind"] != "ticket":
            masters = [bytes.fromhex(master) for master in vector["masters"]]
            if vector["kind"] == "record":
                keys = [rkey(master, *where, bytes.fromhex(vector["secret"])) for master in masters]
            else:
                keys = [derive(master, place(*where), "about")[2] for master in masters]
            ids = [derive(master, "")[1] for master in masters]
            raw, bound = bytes.fromhex(vector["bytes"]), bytes.fromhex(vector["record_key"] + vector.get("owner", ""))
            try:
                plaintext = open_stored(raw, zip(ids, keys), bound)
            except TokenError as error:
                assert error.code == vector["error"], name
                continue
            # What the plaintext says is judged by those who read records: here only that it opened.
            assert vector["error"] in (None, "Payload", "UnknownLayout"), name
            if vector["kind"] == "record" and vector["error"] is None:
                assert plaintext.hex() == vector["record"], name
            if vector["kind"] == "description" and vector["error"] is None:
                fields = vector["fields"]
                assert plaintext[:16].hex() == fields["id"], name
                assert plaintext.endswith(fields["text"].encode()), name
    print(f"stores.json: {len(all_of_them)} vectors")


if __name__ == "__main__":
    vectors(sys.argv[2]) if sys.argv[1:2] == ["vectors"] else peer()
