"""The whole book of the story: losses and collections beside documents and money, and its figures.

`Story` takes each command and answers what every report says on a day, in cents.
"""

from fractions import Fraction

from slow_calendar import FOREVER, month_of, parse, show
from story_documents import BUCKETS
from story_ledger import Ledger

STAGES = [(7, 1), (14, 2), (30, 3), (60, 4)]  # (days overdue, stage)


class Story(Ledger):
    """Commands in, figures out."""

    def __init__(self):
        super().__init__()
        self.reminders = []

    def apply(self, command):
        self.book.apply(command)
        handler = self.HANDLERS[command["command"]]
        if handler:
            handler(self, parse(command["effective"]), command["data"])

    # Losses.

    def write_off(self, day, data):
        """The earned part is loss, the unearned part clears the contract balance, tax is relieved;
        always all of an invoice of which nothing was paid or credited."""
        invoice = self.invoices[data["invoice"]]
        assert invoice.left() == invoice.amount and invoice.net_left == invoice.net
        line, contract = invoice.earning, self.book.contracts[invoice.key]
        loss = line.earned(day - 1)
        unearned = invoice.net - loss
        line.respread(self.book.sequence, day, loss)
        contract.bill(line, day, -unearned)
        self.changes()
        invoice.move(day, -invoice.amount)
        invoice.losses.append((day, invoice.amount))
        invoice.lost = {"allowance": loss, "recoveries": unearned}
        self.post(day, allowance=loss, contract=unearned, tax_payable=invoice.tax,
                  accounts_receivable=-invoice.amount)
        self.contract_move(day, "written_off", unearned)

    def recover(self, day, data):
        """Tax in proportion, then the account that took the loss, then recoveries."""
        invoice, amount = self.invoices[data["invoice"]], self.minor(data["amount"])
        tax = self.policies.round(Fraction(amount * invoice.tax, invoice.amount))
        back = min(amount - tax, invoice.lost["allowance"])
        invoice.lost["allowance"] -= back
        invoice.move(day, amount)
        invoice.losses.append((day, -amount))
        self.post(day, accounts_receivable=amount, tax_payable=-tax, allowance=-back,
                  recoveries=back + tax - amount)

    def record_allowance(self, day, data):
        buckets = self.ageing(day)
        needed = sum(
            buckets[name] * Fraction(rate) / 100 for name, rate in data["rates"].items()
        )
        assert needed.denominator == 1, needed
        more = int(needed) + self.balance("allowance", day)
        self.post(day, bad_debt_expense=more, allowance=-more)

    # Collections.

    def open_dispute(self, day, data):
        amount = self.minor(data["amount"]) if "amount" in data else None
        self.invoices[data["invoice"]].disputes.append([day, FOREVER, amount])

    def resolve_dispute(self, day, data):
        self.invoices[data["invoice"]].disputes[-1][1] = day

    def promise(self, day, data):
        invoice = self.invoices[data["invoice"]]
        amount = self.minor(data["amount"]) if "amount" in data else invoice.left()
        invoice.promises.append((parse(data["date"]), invoice.left() - amount))

    def run_dunning(self, day, data):
        """Of each open invoice the latest stage that is due, unless it had it or a later one."""
        through = parse(data["through"])
        for invoice in self.invoices.values():
            days = invoice.days_overdue(through)
            stage = max((stage for after, stage in STAGES if after <= days), default=0)
            asked = invoice.left(through) - invoice.disputed(through)
            if invoice.day > through or stage <= invoice.reminded or asked <= 0:
                continue
            if invoice.is_promised(through):
                continue
            invoice.reminded = stage
            self.reminders.append(
                (show(through), invoice.customer, invoice.name, stage, days, asked)
            )

    # Figures.

    def balance(self, role, day):
        return sum(amount for on, name, amount in self.entries if name == role and on <= day)

    def ageing(self, day, customer=None):
        """What is open by bucket, of all or of one customer."""
        buckets = dict.fromkeys(BUCKETS, 0)
        for invoice in self.open_invoices(day):
            if customer in (None, invoice.customer):
                buckets[invoice.bucket(day)] += invoice.left(day)
        return buckets

    def open_invoices(self, day):
        return [invoice for invoice in self.invoices.values() if invoice.left(day)]

    def contract(self, key, day):
        """Billed and recognised: what a credit took to contra revenue leaves both as they are."""
        billed = self.book.billed(key, day) + self.book.contra(key, day)
        return billed, self.book.gross(key, day)

    def contracts(self, day):
        return {key: self.contract(key, day) for key in self.book.contracts}

    def trial_balance(self, day):
        """By role; the contract balance of the entries is what the contracts have billed."""
        balances = {}
        for on, role, amount in self.entries:
            if on <= day:
                balances[role] = balances.get(role, 0) + amount
        contracts = self.contracts(day).values()
        assert -balances.pop("contract", 0) == sum(billed for billed, _ in contracts), show(day)
        differences = [billed - recognised for billed, recognised in contracts]
        balances["revenue"] = -sum(recognised for _, recognised in contracts)
        balances["deferred_revenue"] = -sum(max(0, amount) for amount in differences)
        balances["unbilled_receivable"] = sum(max(0, -amount) for amount in differences)
        assert sum(balances.values()) == 0
        return {role: amount for role, amount in balances.items() if amount}

    def earned(self, day):
        return sum(self.book.gross(key, day) for key in self.book.contracts)

    def revenue(self, first, last):
        """Revenue between two days, net of contra revenue."""
        contra = self.balance("contra_revenue", last) - self.balance("contra_revenue", first - 1)
        return self.earned(last) - self.earned(first - 1) - contra

    def rollforward(self, first, last):
        def balance(day):
            return sum(billed - recognised for billed, recognised in self.contracts(day).values())

        row = {"opening": balance(first - 1), "closing": balance(last)}
        for name in ("billed", "credited", "written_off"):
            row[name] = sum(
                amount for day, column, amount in self.contracts_moved
                if column == name and first <= day <= last
            )
        row["recognised"] = self.earned(last) - self.earned(first - 1)
        lowered = row["recognised"] + row["credited"] + row["written_off"]
        assert row["opening"] + row["billed"] - lowered == row["closing"], show(last)
        return row

    def receivables(self, day):
        """Rows by customer, those without any amount left out."""
        rows = {}
        for customer in self.terms:
            row = self.ageing(day, customer)
            row["total"] = sum(row.values())
            row["unapplied"] = self.unapplied(customer, day)
            row["disputed"] = sum(
                invoice.disputed(day) for invoice in self.open_invoices(day)
                if invoice.customer == customer
            )
            if any(row.values()):
                rows[customer] = row
        return rows

    def unapplied(self, customer, day):
        """Unapplied cash and unused credits."""
        return sum(
            document.left(day) for documents in (self.payments, self.credits)
            for document in documents.values() if document.customer == customer
        )

    def statement_balance(self, customer, day):
        owed = sum(
            invoice.left(day) for invoice in self.invoices.values()
            if invoice.customer == customer
        )
        return owed - self.unapplied(customer, day)

    def metrics(self, first, last):
        """Days sales outstanding and collection effectiveness, as fractions."""
        opening, closing = sum(self.ageing(first - 1).values()), self.ageing(last)
        billed = sum(
            invoice.amount for invoice in self.invoices.values() if first <= invoice.day <= last
        )
        total = sum(closing.values())
        return {
            "dso": Fraction(total, billed) * (last - first + 1),
            "collection_effectiveness":
                Fraction(opening + billed - total, opening + billed - closing["current"]),
        }

    def cash_rows(self, day):
        """Received, refunded and fees by day and method."""
        rows = {}
        for on, method, *amounts in self.cash:
            if on <= day:
                sums = rows.setdefault((show(on), method), [0, 0, 0])
                rows[show(on), method] = [a + b for a, b in zip(sums, amounts)]
        return rows

    def cash_of_month(self, day):
        return sum(
            received - refunded - fees for on, _, received, refunded, fees in self.cash
            if month_of(on) == month_of(day) and on <= day
        )

    HANDLERS = {
        "OpenBook": Ledger.open_book,
        "DefineTaxRate": None,
        "RegisterCustomer": Ledger.register_customer,
        "PlaceOrder": Ledger.place_order,
        "AmendOrder": None,
        "RenewOrder": None,
        "CancelOrder": Ledger.cancel_order,
        "RunBilling": Ledger.run_billing,
        "IssueInvoice": Ledger.issue_invoice,
        "VoidInvoice": Ledger.void_invoice,
        "RecordPayment": Ledger.record_payment,
        "AllocatePayment": Ledger.allocate_payment,
        "DeallocatePayment": Ledger.deallocate_payment,
        "FailPayment": Ledger.fail_payment,
        "RefundPayment": Ledger.refund_payment,
        "ChargeBackPayment": Ledger.charge_back,
        "WinChargeback": Ledger.win_chargeback,
        "IssueCredit": Ledger.issue_credit,
        "ApplyCredit": Ledger.apply_credit,
        "RefundCredit": Ledger.refund_credit,
        "VoidCredit": Ledger.void_credit,
        "WriteOffInvoice": write_off,
        "RecoverWriteOff": recover,
        "RecordAllowance": record_allowance,
        "OpenDispute": open_dispute,
        "ResolveDispute": resolve_dispute,
        "PromisePayment": promise,
        "RunDunning": run_dunning,
        "ClosePeriod": None,
    }
