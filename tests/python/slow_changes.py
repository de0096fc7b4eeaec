"""Random amendments, of lines of all kinds and of bundles that share a price.

Where the documents leave open what a change means, none is made: amendments follow the last billing
run by a day at least; a price for a term changes whole under other proration than `actual_period`,
and that of goods and milestones with a catch-up; one line is not prorated in one amendment and
whole in another; a line is only removed where the day of a change is `new`; a bundle has one
treatment, and something is left to deliver when it changes; what is delivered on the day of a
change is recorded before it.
"""

from slow_calendar import MONTHS, parse, show
from slow_contracts import deliveries, goods

AFTER_LINES = "~"  # Sorts after the name of any line.


class Changes:
    """The amendments of one order, and what they leave of its lines."""

    def __init__(self, draft, lines):
        self.draft, self.count = draft, 0
        self.lines = {line["line"]: line for line in lines}
        self.prorated = draft.policies.proration != "none" and draft.chance(75)

    def first(self, day):
        """The first day of new terms."""
        return day + (self.draft.policies.change_day == "old")

    def prorates(self, line):
        """Whether a change inside of a period of the line is prorated, beyond doubt."""
        policies, per = self.draft.policies, line["price"]["per"]
        if policies.proration in ("actual_period", "strict_30_360"):
            return per in MONTHS or per == "term" and policies.proration == "actual_period"
        return per == "month" and policies.proration != "none"

    def fits(self, line, day, prorated, left=2):
        """Whether new terms from a day on have one meaning, with some days left for them."""
        first, start = self.first(day), parse(line["start"])
        if "end" in line and first + left > parse(line["end"]):
            return False
        if prorated:
            return self.prorates(line)
        policies = self.draft.policies
        return first <= start or not self.draft.begins_period(line, start, first, policies)

    def may_remove(self):
        return self.draft.policies.change_day == "new" and len(self.lines) > 1

    def terms(self, line):
        """A new price or quantity, or a percentage off."""
        draft, change = self.draft, {"line": line["line"]}
        kind = draft.rng.choice(["price", "price", "quantity", "discount"])
        per_unit = line["price"]["model"] == "per_unit"
        if kind == "quantity" and per_unit:
            change["quantity"] = str(draft.rng.randint(1, 40))
        elif kind == "discount" and line["recognition"]["method"] == "over_time":
            change["discount"] = {"percent": f"{draft.rng.randint(1, 60)}.37"}
        else:
            field = "unit_price" if per_unit else "amount"
            change["price"] = line["price"] | {field: draft.show(draft.money(high=3_000_00))}
        line |= {name: value for name, value in change.items() if name != "line"}
        return change

    def ending(self, line, day):
        """An earlier or a later last day."""
        draft, end = self.draft, parse(line["end"])
        earliest = max(self.first(day), parse(line["start"])) + 3
        line["end"] = show(draft.pick(earliest, max(end, earliest) + 200) - 1)
        return {"line": line["line"], "end": line["end"]}

    def send(self, day, changes, treatment, prorated=True):
        self.count += 1
        more = {} if prorated and self.draft.chance(50) else {
            "proration": "daily" if prorated else "none"
        }
        if treatment != "auto" or self.draft.chance(50):
            more["treatment"] = treatment
        self.draft.change(
            day, "AmendOrder", amendment=f"A{self.count}", changes=changes, **more
        )


def amend_over_time(draft, ends, pers):
    """Amendments of lines over time, with billing runs between."""
    start, billed = draft.begin(), draft.chance(70)
    lines = []
    for number in range(draft.rng.randint(1, 2)):
        end = draft.finish(start, 30) if ends else None
        per = draft.rng.choice(pers)
        lines.append(
            draft.line(f"L{number}", "over_time", per, start, end, billed, discounted=False)
        )
    placed = start - draft.rng.randint(0, 30) if draft.chance(40) else start
    draft.place(placed, lines)
    changes = Changes(draft, lines)
    last = min(parse(line["end"]) for line in lines) if ends else start + 600
    day = draft.pick(placed, draft.rng.choice([start, max(start, last - 5)]))
    for _ in range(draft.rng.randint(1, 4)):
        amend_lines(draft, changes, day)
        if ends and draft.chance(25):
            added = new_line(draft, changes, day, billed)
            treatment = draft.rng.choice(["auto", "separate", "prospective"])
            changes.send(day, [{"add": added}], treatment)
        if billed and draft.chance(50):
            day += draft.rng.randint(0, 40)
            draft.bill(day)
            day += 1
        if not draft.chance(20) or not draft.allowed(day):
            day = draft.pick(day, day + 150)
    if billed:
        draft.bill(day + 30)


def amend_lines(draft, changes, day):
    """New terms for one line or two, where they have one meaning."""
    prorated = changes.prorated
    open_to_change = [
        line for line in changes.lines.values() if changes.fits(line, day, prorated)
    ]
    chosen = draft.rng.sample(open_to_change, min(len(open_to_change), draft.rng.randint(1, 2)))
    sent = []
    for line in chosen:
        recurring = line["price"]["per"] in MONTHS
        if prorated and recurring and "end" in line and draft.chance(25):
            sent.append(changes.ending(line, day))
        elif prorated and changes.may_remove() and draft.chance(8):
            sent.append({"remove": line["line"]})
            del changes.lines[line["line"]]
        else:
            sent.append(changes.terms(line))
    if sent:
        treatment = draft.rng.choice(["auto", "prospective", "prospective", "catch_up"])
        changes.send(day, sent, treatment, prorated)


def new_line(draft, changes, day, billed, ssp=False):
    """A line over time that an amendment adds."""
    name = f"N{changes.count}"
    start = draft.pick(changes.first(day), changes.first(day) + 30)
    per, end = draft.rng.choice(["month", "term"]), draft.finish(start, 12)
    line = draft.line(name, "over_time", per, start, end, billed, discounted=False)
    if ssp:
        line["ssp"] = draft.show(draft.money(high=900_00))
    return line


def amend_term(draft):
    amend_over_time(draft, True, ["month", "month", "quarter", "year", "term"])


def amend_open(draft):
    amend_over_time(draft, False, ["month", "month", "quarter", "year"])


def amend_delivery(draft):
    """A new price or quantity of goods that are partly delivered, or of a milestone."""
    start = draft.begin()
    line = goods(draft, "L0", start, discounted=False)
    if draft.chance(35):
        line = draft.line(
            "L0", "milestone", "once", start, billed=False, whole=True, discounted=False
        )
    draft.place(start, [line])
    changes, delivered = Changes(draft, [line]), 0
    if line["recognition"]["method"] == "milestone":
        done = [
            (day, "percent_complete", f"{draft.rng.randint(0, 98)}.37")
            for day in draft.dates(3, start, start + 300)
        ]
    else:
        done = [(day, "quantity", int(units)) for day, _, units in deliveries(draft, line)]
    amended = draft.rng.randint(0, len(done) - 1)
    for number, (day, field, amount) in enumerate(done):
        if field == "quantity":
            amount = min(amount, int(line["quantity"]) - delivered)
            delivered += amount
        if amount and (day > draft.latest() or number <= amended and day == draft.latest()):
            draft.change(day, "RecordDelivery", line="L0", **{field: str(amount)})
        if number == amended:
            amend_goods(draft, changes, line, draft.pick(day, day), delivered, field)


def amend_goods(draft, changes, line, day, delivered, field):
    """A price for what is not delivered, or with a catch-up for all; more units."""
    change = changes.terms(line)
    if "quantity" in change:
        change["quantity"] = line["quantity"] = str(delivered + draft.rng.randint(1, 20))
    some_left = field == "percent_complete" or delivered < int(line["quantity"])
    if some_left and draft.chance(60):
        changes.send(day, [change], "prospective", prorated=True)
    else:
        changes.send(day, [change], draft.rng.choice(["catch_up", "auto"]), prorated=False)


def bundle_lines(draft, start):
    """Lines that share a price by their stand-alone prices."""
    lines = []
    for number in range(draft.rng.randint(2, 4)):
        name = f"L{number}"
        kind = draft.rng.choice(["over_time", "over_time", "goods", "milestone"])
        if kind == "goods":
            line = goods(draft, name, start, discounted=False)
        elif kind == "milestone":
            line = draft.line(name, kind, "once", start, billed=False, whole=True, discounted=False)
        else:
            per = draft.rng.choice(["month", "month", "term", "quarter"])
            end = draft.finish(start, 24)
            line = draft.line(name, kind, per, start, end, billed=False, discounted=False)
        line["ssp"] = draft.show(draft.money(low=2_00, high=2_000_00))
        lines.append(line)
    return lines


def bundle(draft):
    """An allocation, and deliveries of what is in it."""
    start = draft.begin()
    lines = bundle_lines(draft, start)
    if draft.chance(20) and lines[0]["price"]["model"] == "flat":
        lines[0]["price"]["amount"] = draft.show(0)
        lines[1]["price"] = lines[1]["price"] | {"model": "flat", "amount": draft.show(999_99)}
        lines[1]["price"].pop("unit_price", None)
    draft.place(start, lines)
    for day, name, amount in progress_of(draft, lines, start):
        draft.change(day, "RecordDelivery", line=name, **amount)


def progress_of(draft, lines, start):
    """Deliveries and percentages of a bundle, in the order of their days."""
    done = []
    for line in lines:
        method = line["recognition"]["method"]
        if method == "milestone":
            percents = sorted(draft.rng.randint(1, 99) for _ in range(draft.rng.randint(1, 3)))
            days = draft.dates(len(percents), start, start + 300)
            done += [
                (day, line["line"], {"percent_complete": str(percent)})
                for day, percent in zip(days, percents)
            ]
        elif method == "point_in_time":
            delivered = deliveries(draft, line)
            done += [(day, name, {"quantity": units}) for day, name, units in delivered]
    return sorted(done, key=lambda event: event[:2])


def amend_bundle(draft, treatments=("prospective",)):
    """Amendments of a bundle: what is left of its price is shared by what is left to deliver."""
    start = draft.begin()
    lines = bundle_lines(draft, start)
    draft.place(start, lines)
    changes, treatment = Changes(draft, lines), draft.rng.choice(treatments)
    events = progress_of(draft, lines, start)
    over_time = [line for line in lines if line["recognition"]["method"] == "over_time"]
    last = min((parse(line["end"]) for line in over_time), default=start) - 3
    amendments = draft.days(draft.rng.randint(1, 3), start + 1, last) if last > start + 1 else []
    sequence = [(day, AFTER_LINES, None) for day in amendments] + events
    for day, name, amount in sorted(sequence, key=lambda event: event[:2]):
        if amount:
            draft.change(day, "RecordDelivery", line=name, **amount)
            continue
        line = draft.rng.choice(over_time)
        prorated = changes.prorated and changes.prorates(line)
        if not changes.fits(line, day, prorated, left=45):
            continue
        sent = [changes.terms(line)]
        if draft.chance(30):
            sent.append({"add": new_line(draft, changes, day, billed=False, ssp=True)})
        changes.send(day, sent, treatment, prorated)


def catch_up_bundle(draft):
    amend_bundle(draft, ("catch_up",))
