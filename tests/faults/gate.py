"""What must hold after every fault, whatever it was."""

import http.client
import json

from processes import send


def gate(daemon, answered):
    """Checks a book behind a fault; what is wrong, one line each.

    Every command that was answered is sent again: the same bytes must come back, so that none is
    lost, doubled or changed. `verify` checks order, hash chain, the books and gapless numbers; a
    fresh fold of the log must have the digests of the daemon's projections.
    """
    wrong = []
    connection = http.client.HTTPConnection(daemon.address)
    changed = sum(send(connection, command) != reply for command, reply in answered)
    if changed:
        wrong.append(f"{changed} of {len(answered)} replies are not what they were")
    sequences = [json.loads(reply).get("sequence") for _, reply in answered]
    taken = [one for one in sequences if one is not None]
    if len(set(taken)) != len(taken):
        wrong.append("two commands have one sequence")
    connection.request("GET", "/v1/books/main/reports/digests")
    live = json.loads(connection.getresponse().read())
    code, output = daemon.run("verify", "--quiet")
    if code != 0:
        wrong.append(f"verify: {code}: {output}")
    code, output = daemon.run("replay", "--format", "json", "--quiet")
    fresh = json.loads(output) if code == 0 else {}
    if fresh.get("projections") != live["projections"]:
        wrong.append(f"digests: {output}, and live {live}")
    # The one above may be closed: nobody used it for as long as the log is long.
    connection = http.client.HTTPConnection(daemon.address)
    connection.request("GET", "/readyz")
    if connection.getresponse().status != 200:
        wrong.append("it stores, and says that it is not ready")
    return wrong
