"""Reads a backup as docs/BACKUP.md says, with nothing but the standard library.

python3 read_backup.py FILE: the events as lines of JSON, once the whole file was checked.
"""

import hashlib
import json
import struct
import sys


class Bad(Exception):
    """The file is no whole backup."""


def table():
    """CRC32C, byte by byte: the polynomial of Castagnoli, reflected."""
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (0x82F63B78 if number & 1 else 0)
        yield number


TABLE = list(table())


def crc32c(data):
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum = checksum >> 8 ^ TABLE[(checksum ^ byte) & 0xFF]
    return checksum ^ 0xFFFFFFFF


def demand(holds, why):
    if not holds:
        raise Bad(why)


class Cursor:
    """Bytes that are taken from the front."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        demand(self.at + length <= len(self.data), f"cut short at byte {len(self.data)}")
        self.at += length
        return self.data[self.at - length : self.at]

    def number(self, length):
        return int.from_bytes(self.take(length), "little")

    def text(self):
        return self.take(self.number(4)).decode()

    def is_empty(self):
        return self.at == len(self.data)


def read(data):
    """What the backup says of itself, its events, and the hash chain at its end."""
    file = Cursor(data)
    demand(file.take(8) == b"RVBACKUP", "not a backup")
    version = file.number(4)
    demand(file.number(4) == crc32c(data[:12]), "the start is damaged")
    demand(version == 1, f"version {version}")
    length = file.number(4)
    demand(length <= 4096, "the start is damaged")
    about = Cursor(file.take(length))
    demand(file.number(4) == crc32c(data[16 : 20 + length]), "the start is damaged")
    start = {"shard": about.number(4), "through": about.number(8)}
    start |= {"book": about.text(), "created_at": about.text(), "program": about.text()}
    demand(about.is_empty(), "the start is damaged")

    events, chain = [], bytes(32)
    while (magic := file.take(4)) == b"RVJ1":
        event = frame(file, len(events) + 1)
        leaf = hashlib.sha256(b"\0" + event["body"]).digest()
        chain = hashlib.sha256(b"\2" + chain + leaf).digest()
        demand(dict(event["headers"])["Ledger-Chain"] == chain.hex(), "the hash chain is broken")
        events.append(event)

    begin = file.at - 4
    demand(magic == b"RVBE", f"damaged at byte {begin}")
    counts = [file.number(8) for _ in range(3)]
    demand(counts == [len(events), len(events), begin], "the end counts otherwise")
    demand(start["through"] == len(events), "the start counts otherwise")
    demand(file.take(32) == chain, "the end has another hash chain")
    demand(file.take(32) == hashlib.sha256(data[: begin + 60]).digest(), "another SHA-256")
    demand(file.number(4) == crc32c(data[begin : begin + 92]), "the end is damaged")
    demand(file.is_empty(), "more follows behind the end")
    return start, events, chain.hex()


def frame(file, sequence):
    """One event, behind its magic."""
    begin = file.at - 4
    payload_bytes, found, place, group, subject, headers, checksum, digest = struct.unpack(
        "<IQHHIII32s", file.take(60)
    )
    demand(file.number(4) == crc32c(file.data[begin : begin + 64]), f"damaged at byte {begin}")
    demand((found, place, group) == (sequence, 0, 1), f"event {found} instead of {sequence}")
    payload = file.take(payload_bytes)
    demand(checksum == crc32c(payload), f"damaged at byte {begin}")
    body = payload[subject + headers :]
    demand(hashlib.sha256(body).digest() == digest, f"damaged at byte {begin}")
    section, pairs = Cursor(payload[subject : subject + headers]), []
    while not section.is_empty():
        pairs.append((section.text(), section.text()))
    return {"subject": payload[:subject].decode(), "headers": pairs, "body": body}


def main():
    with open(sys.argv[1], "rb") as file:
        _, events, _ = read(file.read())
    for sequence, event in enumerate(events, 1):
        line = {"sequence": sequence, "subject": event["subject"]}
        print(json.dumps(line | {"event": json.loads(event["body"])}, ensure_ascii=False))


if __name__ == "__main__":
    main()
