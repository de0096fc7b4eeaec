"""The switch between the name spaces of `network.py`: hands on each frame, later, or not at all.

Started there, in the name space that holds the other ends of all cables: `switch.py CABLE...`. Each
line on standard input is a list of [from, to, loss, delay] that holds from then on: the places of two
cables, the share of frames that get lost, and seconds. `ok` on standard output says that it does.
"""

import heapq
import itertools
import json
import random
import select
import socket
import sys
import time

ALL_PROTOCOLS = 3
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
# In front of each frame: which sums are still to be made, and how large its pieces are.
HEAD, FRAME_MAX = 10, 1 << 17
BUFFER = 8 << 20


def cable(name):
    one = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    one.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    one.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    one.bind((name, ALL_PROTOCOLS))
    one.setblocking(False)
    return one


class Switch:
    def __init__(self, names):
        self.cables = [cable(name) for name in names]
        self.rules, self.late, self.count = {}, [], itertools.count()

    def targets(self, source, frame):
        """Where a frame goes; the last byte of an address is the place of its cable."""
        if frame[HEAD] & 1:
            return [place for place in range(len(self.cables)) if place != source]
        return [frame[HEAD + 5]]

    def take(self, source):
        for _ in range(64):
            try:
                frame = self.cables[source].recv(FRAME_MAX)
            except OSError:
                return  # Nothing more, or the cable is gone.
            for target in self.targets(source, frame):
                loss, delay = self.rules.get((source, target), (0, 0))
                if random.random() < loss:
                    continue
                if delay:
                    due = time.monotonic() + delay
                    heapq.heappush(self.late, (due, next(self.count), target, frame))
                else:
                    self.give(target, frame)

    def give(self, target, frame):
        try:
            self.cables[target].send(frame)
        except OSError:
            pass  # No room, or nobody: a switch drops it.

    def run(self):
        while True:
            wait = max(0, self.late[0][0] - time.monotonic()) if self.late else None
            ready, _, _ = select.select([*self.cables, sys.stdin], [], [], wait)
            while self.late and self.late[0][0] <= time.monotonic():
                _, _, target, frame = heapq.heappop(self.late)
                self.give(target, frame)
            for place, one in enumerate(self.cables):
                if one in ready:
                    self.take(place)
            if sys.stdin in ready:
                line = sys.stdin.readline()
                if not line:
                    return
                self.rules = {(source, target): (loss, delay)
                              for source, target, loss, delay in json.loads(line)}
                print("ok", flush=True)


if __name__ == "__main__":
    Switch(sys.argv[1:]).run()
