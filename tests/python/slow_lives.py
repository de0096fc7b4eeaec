"""Random lives of orders: usage, revised estimates, renewals, cancellations, suspensions, credits.

A new price of usage begins with a period, without readings since. An estimate is only revised where
the day of a change is `new`; an order is only suspended where a part of a period costs a part of
its price, and is billed through the day on which it is cancelled.
"""

from slow_calendar import MONTHS, Grid, add_months, parse, show
from slow_changes import Changes, progress_of
from slow_contracts import WAYS, credit_line, deliveries, goods

UNEARNED = ["none", "forfeit", "credit", "refund"]


def usage(draft):
    """Readings that are added up, or of which the highest or the last counts; a new price."""
    start = draft.begin()
    line = usage_line(draft, "U", start, minimum=draft.chance(40))
    draft.place(start, [line])
    repriced = draft.rng.randint(start, start + 400) if draft.chance(30) else None
    for day in draft.dates(draft.rng.randint(1, 15), start, start + 400):
        if repriced and day > repriced:
            reprice_usage(draft, line, start, day)
            repriced = None
        draft.change(day, "RecordUsage", line="U", quantity=str(draft.rng.randint(1, 300)))
    if draft.chance(70):
        draft.bill(draft.latest() + draft.rng.randint(0, 100))


def reprice_usage(draft, line, start, day):
    """A new price from the day on which the running period began, where nothing came since."""
    months, policies = MONTHS[line["price"]["per"]], draft.policies
    first = Grid(months, start, None, policies.month_end).around(day)[0]
    effective = first - (policies.change_day == "old")
    if effective > draft.latest():
        price = usage_line(draft, "U", start, minimum=draft.chance(40))["price"]
        price |= {"per": line["price"]["per"], "aggregate": line["price"]["aggregate"]}
        draft.change(
            effective, "AmendOrder", amendment="A1", changes=[{"line": "U", "price": price}],
            treatment=draft.rng.choice(["auto", "prospective"]),
        )


def usage_line(draft, name, start, minimum):
    rng, unit = draft.rng, lambda: f"{draft.rng.randint(1, 5000) / 100:.2f}"
    price = {"model": rng.choice(["per_unit", "graduated", "volume", "package"])}
    if price["model"] == "per_unit":
        price["unit_price"] = unit() + str(rng.randint(0, 99)).zfill(2)
    elif price["model"] == "package":
        price |= {"amount": draft.show(draft.money()), "package_size": str(rng.randint(2, 50))}
    else:
        ends = sorted(rng.sample(range(5, 400), 2))
        price["tiers"] = [
            {"up_to": str(end), "unit_price": unit(), "flat": draft.show(rng.randint(0, 5000))}
            for end in ends
        ] + [{"unit_price": unit(), "flat": draft.show(rng.randint(0, 5000))}]
    price |= {"per": rng.choice(list(MONTHS)), "aggregate": rng.choice(["sum", "max", "last"])}
    if minimum:
        price["minimum"] = draft.show(draft.money())
    billing = {"every": price["per"], "timing": "arrears"}
    return {
        "line": name, "description": name, "quantity": "0", "price": price, "start": show(start),
        "recognition": {"method": "usage"}, "billing": billing,
    }


def revise(draft):
    """Estimates of variable consideration that change."""
    start = draft.begin()
    method = draft.rng.choice(["milestone", "point_in_time", "over_time"])
    end = draft.finish(start, 24) if method == "over_time" else None
    line = draft.line("L0", method, "once", start, end, billed=False, whole=True, discounted=False)
    draft.place(start, [line])
    events = progress_of(draft, [line], start)
    events += [
        (day, "revise", draft.show(draft.money()))
        for day in draft.dates(draft.rng.randint(1, 3), start, start + 400)
    ]
    for day, name, amount in sorted(events, key=lambda event: event[:2]):
        if name == "revise":
            draft.change(day, "ReviseEstimate", line="L0", amount=amount)
        else:
            draft.change(day, "RecordDelivery", line=name, **amount)


def renew(draft):
    """One or two renewals at the terms in force."""
    start = draft.begin()
    end = add_months(start, draft.rng.choice([1, 3, 12, 24])) - 1
    if draft.month_days == 31 and draft.chance(30):
        end = draft.finish(start, 24)
    billed = draft.chance(70)
    lines = [
        draft.line(
            f"L{number}", "over_time", draft.rng.choice(list(MONTHS)), start, None, billed,
            anchored=False, discounted=False,
        )
        for number in range(draft.rng.randint(1, 2))
    ]
    draft.place(start, lines, end=show(end))
    changes, line = Changes(draft, lines), draft.rng.choice(lines)
    day = draft.pick(start, end)
    if day < end - 1 and draft.chance(50) and changes.fits(line | {"end": show(end)}, day, True):
        changes.send(day, [changes.terms(line)], "prospective")
    for _ in range(draft.rng.randint(1, 2)):
        months = draft.rng.choice([3, 12])
        day = max(end - draft.rng.randint(0, 20), draft.latest())
        draft.change(day, "RenewOrder", end=show(add_months(end + 1, months) - 1))
        end = add_months(end + 1, months) - 1
    if billed:
        draft.bill(max(draft.latest(), end - 100) + draft.rng.randint(0, 100))


def cancel(draft):
    """An order that ends early, after the billing run of the day."""
    start = draft.begin()
    pers = ["month", "month", "quarter", "year"]
    pers += ["term"] if draft.policies.proration == "actual_period" else []
    lines = []
    for number in range(draft.rng.randint(1, 3)):
        per, name = draft.rng.choice(pers), f"L{number}"
        end = draft.finish(start, 30) if per == "term" or draft.chance(50) else None
        lines.append(draft.line(name, "over_time", per, start, end, discounted=False))
    last = min([parse(line["end"]) for line in lines if "end" in line], default=start + 500)
    day = draft.pick(start + 1, last)
    if draft.chance(25):
        lines.append(usage_line(draft, "U", start, minimum=False))
    if draft.chance(25):
        lines.append(goods(draft, "G", start, billed=True, discounted=False))
    draft.place(start, lines)
    events = [
        (used, "RecordUsage", {"line": "U", "quantity": str(draft.rng.randint(1, 99))})
        for used in draft.dates(2, start, day - 1) if lines[-1]["line"] == "U"
    ]
    if lines[-1]["line"] == "G":
        events += [
            (delivered, "RecordDelivery", {"line": "G", "quantity": units})
            for delivered, _, units in deliveries(draft, lines[-1]) if delivered < day
        ]
    for on, command, data in sorted(events, key=lambda event: event[0]):
        draft.change(on, command, **data)
    if draft.chance(25) and draft.latest() < day:
        draft.bill(draft.rng.randint(draft.latest(), day - 1))
    draft.bill(day)
    if day <= last:
        draft.change(day, "CancelOrder", unearned=draft.rng.choice(UNEARNED))
    if draft.chance(60):
        draft.bill(draft.latest() + draft.rng.randint(1, 400))


def suspend(draft):
    """One or two suspensions; billed ones lie inside of a period."""
    start = draft.begin()
    end = draft.finish(start, 24) if draft.chance(50) else None
    billed = draft.chance(40)
    line = draft.line("L0", "over_time", "month", start, end, billed, discounted=False)
    if billed:
        line["billing"]["timing"] = "arrears"
    draft.place(start, [line])
    limit = (end or start + 700) - 40
    day = max(start, draft.latest())
    for _ in range(draft.rng.randint(1, 2)):
        day = draft.pick(day + 1, day + 200)
        back = draft.pick(day + 1, day + (12 if billed else 150))
        inside = not any(
            draft.begins_period(line, start, one, draft.policies) for one in range(day, back + 1)
        )
        if back > limit or billed and not inside:
            break
        draft.change(day, "SuspendOrder")
        draft.change(back, "ResumeOrder")
        day = back
        if billed and draft.chance(50):
            day += draft.rng.randint(1, 60)
            draft.bill(day)


def order_credit(draft):
    """Credits on an invoice line that bills an order line."""
    start, net = draft.begin(), draft.spread(20_00, 50_000_00)
    method = draft.rng.choice(["over_time", "over_time", "milestone", "point_in_time"])
    end = draft.finish(start, 24) if method == "over_time" else None
    line = draft.line("L0", method, "once", start, end, billed=False, discounted=False)
    line |= {"quantity": "1", "price": {"model": "flat", "amount": draft.show(net), "per": "once"}}
    draft.place(start, [line])
    issued = draft.rng.randint(start - 30, start + 30)
    billed = draft.rng.randint(net // 2, net)
    invoice = draft.invoice(
        issued, order=draft.order,
        lines=[{"line": "1", "description": "service", "amount": draft.show(billed),
                "order_line": "L0"}],
    )
    way = draft.rng.choice(WAYS)
    if method == "milestone":
        for day in draft.dates(draft.rng.randint(1, 2), draft.latest() + 1, issued + 200):
            percent = str(draft.rng.randint(1, 60))
            draft.change(day, "RecordDelivery", line="L0", percent_complete=percent)
        issued = draft.latest() + 1
        way = "contra_now" if way == "prospective" else way
        term = issued, issued + 50
    else:
        term = (start, end) if end else (start, start)
    credit_line(draft, invoice, "1", billed, way, max(issued, draft.latest()), term)
    if method == "milestone" and draft.chance(50):
        percent = str(draft.rng.randint(0, 100))
        draft.change(draft.latest() + 1, "RecordDelivery", line="L0", percent_complete=percent)
