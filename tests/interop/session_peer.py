"""Answers one JSON request a line: `op` is `seal` or `open`. It seals and opens sessions with the file that an application
copies, ../../examples/fastapi/hardtack_session.py, which PYTHONPATH has. A value is as in ../format/interop_sessions.rs."""

import json
import struct
import sys

import hardtack_session as hs

# The fields of a record under the names of JavaScript, which the requests have.
FIELDS = {
    "schema": "schema", "id": "id", "loginId": "login_id", "remembered": "remembered", "login": "login",
    "createdAt": "created_at", "idleLimit": "idle_limit", "lifetime": "lifetime", "longest": "longest",
    "deviceKey": "device_key", "subject": "subject", "flashes": "flashes",
}


def from_wire(wire):
    if isinstance(wire, list):
        return [from_wire(one) for one in wire]
    if not isinstance(wire, dict):
        return wire
    ((kind, value),) = wire.items()
    if kind == "map":
        return {key: from_wire(one) for key, one in value.items()}
    if kind == "float":
        return struct.unpack(">d", bytes.fromhex(value))[0]
    return int(value) if kind == "int" else bytes.fromhex(value)


def to_wire(value):
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int:
        return {"int": str(value)}
    if type(value) is float:
        return {"float": struct.pack(">d", value).hex()}
    if type(value) is bytes:
        return {"bytes": value.hex()}
    if type(value) is list:
        return [to_wire(one) for one in value]
    return {"map": {key: to_wire(one) for key, one in value.items()}}


def header(ask, record):
    purpose = hs.cookie_purpose(ask["name"], ask["realm"])
    token = hs.seal_token(hs.write_record(record), hs.Key(bytes.fromhex(ask["keys"][0])), purpose, ask["issued_at"])
    return "; ".join("=".join(pair) for pair in hs.cut(token, ask["name"], 80))


def answer(ask):
    if ask["op"] == "seal":
        fields = {FIELDS[name]: value for name, value in ask["record"].items()}
        for name in ("id", "login_id", "device_key"):
            fields[name] = fields[name] and bytes.fromhex(fields[name])
        fields["flashes"] = [(flash["level"], flash["text"]) for flash in fields["flashes"]]
        values = {key: hs.encode_value(from_wire(wire)) for key, wire in ask["values"].items()}
        return {"header": header(ask, hs.Record(**fields, data=hs.write_dictionary(values)))}
    most = dict.fromkeys(
        ("idle_timeout", "absolute_timeout", "remember_idle_timeout", "remember_absolute_timeout"), hs.LAST_SECOND
    )
    keys = [hs.Key(bytes.fromhex(key)) for key in ask["keys"]]
    settings = hs.Settings(keys, ask["name"], ask["realm"], **most)
    found, *_ = hs.find_session([ask["header"].encode()], settings, ask["now"])
    if found is None:
        return None
    record = {name: getattr(found.record, own) for name, own in FIELDS.items()}
    record = {name: value.hex() if type(value) is bytes else value for name, value in record.items()}
    record["flashes"] = [{"level": level, "text": text} for level, text in found.record.flashes]
    values = {key: to_wire(hs.decode_value(item)) for key, item in hs.read_dictionary(found.record.data).items()}
    return {"record": record, "values": values, "issued_at": found.issued_at, "again": header(ask, found.record)}


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
