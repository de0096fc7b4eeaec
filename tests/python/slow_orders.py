"""Orders: placing, amending, renewing, suspending, cancelling and billing them."""

from slow_calendar import FOREVER, add_months, parse
from slow_lines import DeliveryLine, MilestoneLine, OpenLine, Pricing, SpreadLine, UsageLine


class Contract:
    """An order, or an invoice without one: the unit in which billed meets recognised."""

    def __init__(self, policies, name):
        self.policies, self.name = policies, name
        self.lines = []
        self.loose = []  # Invoiced lines that bill no order line.
        self.bills = []  # (day of posting, amount), credits below zero.
        self.contra = []  # (day of posting, amount)

    def earned(self, day, known):
        return sum(line.earned(day, known) for line in self.lines + self.loose)

    def bill(self, line, day, amount):
        self.bills.append((day, amount))
        line.invoiced += amount


class Order(Contract):
    """An order and its lines. Each method takes the command's sequence and effective day."""

    def __init__(self, policies, sequence, data):
        super().__init__(policies, data["order"])
        self.start = parse(data["start"])
        self.end = self.end_of(data, self.start)
        self.pending = []  # Changes of what was billed: (day on which they fall due, line, amount).
        self.lines = [self.line_of(line) for line in data["lines"]]
        fixed = [line for line in self.lines if self.is_fixed(line)]
        prices = [line.own for line in fixed]
        if any(line.ssp is not None for line in fixed):
            prices = policies.allocate(sum(prices), [self.weight(line) for line in fixed])
        for line, price in zip(fixed, prices):
            line.catch_up(sequence, 0, price)
        for line in self.lines:
            if not self.is_fixed(line):
                line.begin(sequence)

    @staticmethod
    def end_of(data, start):
        if "end" in data:
            return parse(data["end"])
        if "term_months" in data:
            return add_months(start, data["term_months"]) - 1
        return FOREVER

    def line_of(self, data):
        """An order line with its price, which has not earned anything yet."""
        policies, name = self.policies, data["line"]
        start = parse(data["start"]) if "start" in data else self.start
        end = parse(data["end"]) if "end" in data else self.end
        recognition = data["recognition"]
        basis = recognition.get("basis", policies.recognition_basis)
        if recognition["method"] == "usage":
            line = UsageLine(policies, name, start, data["price"])
        elif recognition["method"] == "milestone":
            line = MilestoneLine(policies, name, start)
        elif recognition["method"] == "point_in_time":
            line = DeliveryLine(policies, name, start)
        elif end == FOREVER:
            line = OpenLine(policies, name, start, basis)
        else:
            line = SpreadLine(policies, name, start, end, basis)
        line.pricing = Pricing(policies, data, start, end)
        if self.is_fixed(line):
            line.own = line.pricing.total()
        if "ssp" in data:
            line.ssp = policies.exact(data["ssp"])
        if data.get("billing"):
            line.timing = data["billing"].get("timing", "advance")
        return line

    @staticmethod
    def is_fixed(line):
        """Whether the line's consideration is fixed: it has one price that is earned in the end."""
        return not isinstance(line, OpenLine | UsageLine)

    @staticmethod
    def weight(line):
        """The stand-alone selling price of all that the line promises (readings, 43)."""
        if line.ssp is None:
            return line.own
        return line.ssp * line.pricing.quantity * line.pricing.count()

    def line(self, name):
        """The line of that name; of a renewed one the latest."""
        return next(line for line in reversed(self.lines) if line.name == name)

    # Amendments.

    def amend(self, sequence, day, data):
        first = day + (self.policies.change_day == "old")
        prorated = data.get("proration", "daily") == "daily"
        treatment = data.get("treatment", "auto")
        if treatment == "auto":
            treatment = self.treatment(data["changes"])
        touched, changes = [], {}
        for change in data["changes"]:
            if "add" in change:
                line = self.line_of(change["add"])
                self.lines.append(line)
                line.apart = treatment == "separate"
                changes[line] = line.own
            else:
                line = self.line(change.get("remove") or change["line"])
                changes[line] = self.change(sequence, line, first, prorated, change)
            touched.append(line)
        for line in touched:
            if self.is_fixed(line):
                if line.apart and not line.versions:
                    line.catch_up(sequence, 0, line.own)
            elif not line.versions:
                line.begin(sequence)
            elif isinstance(line, OpenLine):
                since = first if prorated else line.pricing.next_whole(first)
                (line.catch_up if treatment == "catch_up" else line.respread)(sequence, since)
        self.modify(sequence, first, treatment, changes)
        for line in touched:
            self.charge_again(line, day)

    def treatment(self, changes):
        """What `auto` means (accounting, section 3)."""
        added = [self.line_of(change["add"]) for change in changes if "add" in change]
        if len(added) == len(changes):
            if all(line.ssp is None or self.weight(line) == line.own for line in added):
                return "separate"
        others = [
            self.line(change.get("remove") or change["line"])
            for change in changes if "add" not in change
        ]
        series = SpreadLine | OpenLine | UsageLine
        distinct = all(isinstance(line, series) for line in added + others)
        return "prospective" if distinct else "catch_up"

    def change(self, sequence, line, first, prorated, change):
        """Puts new terms in force; by how much the line's own price changes."""
        pricing, before = line.pricing, line.own
        if isinstance(line, UsageLine):
            line.reprice(sequence, first, change["price"])
        elif isinstance(line, DeliveryLine | MilestoneLine):
            left = pricing.amount() * line.unearned_part(first)
            pricing.change(first, change, prorated=False)
            then = pricing.amount() * line.unearned_part(first) if "line" in change else 0
            if prorated:
                line.own += self.policies.round(then - left)
            else:
                line.own = pricing.total()
        else:
            if "remove" in change:
                pricing.cut = first - 1
            elif "end" in change:
                pricing.end = parse(change["end"])
            if change.keys() & {"price", "quantity", "discount"}:
                pricing.change(first, change, prorated)
            if self.is_fixed(line):
                line.own = pricing.total()
        return line.own - before

    def modify(self, sequence, first, treatment, changes):
        """Gives each line of the order its new price, and its new schedule from a day on."""
        pool = [line for line in self.lines if self.is_fixed(line) and not line.apart]
        shared = any(line.ssp is not None for line in pool)
        if not shared:
            pool = [line for line in pool if line in changes]
        if treatment == "catch_up":
            prices = [line.price + changes.get(line, 0) for line in pool]
            if shared:
                total = sum(line.own for line in pool)
                prices = self.policies.allocate(total, [self.weight(line) for line in pool])
            for line, price in zip(pool, prices):
                line.catch_up(sequence, first, price)
            return
        earned = [line.earned(first - 1) for line in pool]
        rests = [
            line.price + changes.get(line, 0) - before for line, before in zip(pool, earned)
        ]
        weights = [self.weight(line) * line.unearned_part(first) for line in pool]
        own = rests
        if shared and sum(weights):
            rests = self.policies.allocate(sum(rests), weights)
        for line, before, rest, kept in zip(pool, earned, rests, own):
            if line in changes or rest != kept:
                line.respread(sequence, first, before + rest)

    def revise(self, sequence, day, data):
        line = self.line(data["line"])
        line.own = self.policies.minor(data["amount"])
        line.catch_up(sequence, day, line.own)

    def deliver(self, sequence, day, data):
        line = self.line(data["line"])
        if "quantity" in data:
            line.deliver(sequence, day, data["quantity"])
        else:
            line.complete(sequence, day, data["percent_complete"])

    def use(self, sequence, day, data):
        self.line(data["line"]).use(sequence, day, data["quantity"])

    # The life of an order.

    def renew(self, sequence, data):
        """Each recurring line goes on as a line of its own, at the terms in force."""
        start = self.end + 1
        end = self.end_of(data, start)
        for old in list(self.lines):
            if not isinstance(old, SpreadLine) or not old.pricing.months or old.last != self.end:
                continue
            line = SpreadLine(self.policies, old.name, start, end, old.basis)
            line.pricing = old.pricing.renewed(start, end)
            line.timing = old.timing
            line.own = line.pricing.total()
            line.catch_up(sequence, 0, line.own)
            self.lines.append(line)
        self.end = end

    def suspend(self, sequence, day):
        """From now on nothing is charged and nothing is earned."""
        for line in self.lines:
            line.pricing.suspend(day)
            earned = line.earned(day - 1)
            line.record(sequence, day, lambda day, known, earned=earned: earned)

    def resume(self, sequence, day):
        """What the rest costs, less what was earned before, is earned from now on."""
        for line in self.lines:
            line.pricing.resume(day)
            if isinstance(line, OpenLine):
                line.respread(sequence, day)
                continue
            before, line.own = line.own, line.pricing.total()
            line.respread(sequence, day, line.price + line.own - before)

    def cancel(self, sequence, day, unearned, posted):
        """What is earned in the end is the price of the periods up to the last day."""
        last = day if self.policies.change_day == "old" else day - 1
        for line in self.lines:
            if line.pricing.last <= last:
                continue
            line.pricing.cut = last
            if isinstance(line, SpreadLine):
                final = line.price + line.pricing.total() - line.own
            elif isinstance(line, OpenLine):
                final = line.pricing.total()
            else:
                final = line.earned(last)
            beyond = max(0, line.invoiced - final)
            if unearned == "forfeit":
                final += beyond
            elif unearned in ("credit", "refund"):
                self.bill(line, posted, -beyond)
            line.freeze(sequence, day, final)

    # Billing.

    def run_billing(self, through, first_open):
        """Bills what has fallen due, each period on its own day."""
        for line in self.lines:
            if not line.timing:
                continue
            for part, whole in line.pricing.parts(through):
                due = part[0] if line.timing == "advance" else part[1] + 1
                if due <= through and part[0] not in line.charged:
                    line.charged[part[0]] = self.charge(line, part, whole)
                    self.bill(line, max(due, first_open), line.charged[part[0]])
        for due, line, amount in self.pending:
            if due <= through:
                self.bill(line, max(due, first_open), amount)
        self.pending = [change for change in self.pending if change[0] > through]

    @staticmethod
    def charge(line, part, whole):
        """What a period of a line costs in all."""
        if isinstance(line, UsageLine):
            return line.of_period(part, part[1])
        if isinstance(line, SpreadLine | OpenLine):
            return line.pricing.cost(part, whole)
        return line.own

    def charge_again(self, line, day):
        """What changes of the periods that are billed falls due on the day of the change."""
        costs = {
            part[0]: self.charge(line, part, whole)
            for part, whole in line.pricing.parts(max(line.charged, default=0))
        }
        for first, charged in line.charged.items():
            change = costs.get(first, 0) - charged
            if change:
                line.charged[first] += change
                self.pending.append((day, line, change))
