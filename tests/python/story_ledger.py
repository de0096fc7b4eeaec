"""A slow double-entry ledger of the story, written from the documents.

It shares nothing with the program. `slow_revenue.Book` says what is earned and billed of each
contract; here is the rest: each command's postings, and the documents behind the receivables. An
entry is (day, role, cents), debits above zero. The role `contract` stands for the contract
balance, which the figures split into deferred revenue and unbilled receivables.
"""

from fractions import Fraction

from slow_calendar import parse
from slow_prices import Policies
from slow_revenue import Book
from story_documents import Credit, Invoice, Payment

TAX = Fraction(20, 100)


class Ledger:
    """Commands in, entries and documents out."""

    def __init__(self):
        self.policies = Policies("USD", {})
        self.book = Book(self.policies)
        self.entries, self.cash, self.contracts_moved = [], [], []
        self.invoices, self.payments, self.credits = {}, {}, {}
        self.terms, self.customer_of_order, self.owner = {}, {}, {}
        self.seen = {}  # By contract: how many of its bills and credits are posted.
        self.tolerance = 0

    def minor(self, text):
        return self.policies.minor(text)

    def post(self, day, **legs):
        assert sum(legs.values()) == 0, (day, legs)
        self.entries += [(day, role, amount) for role, amount in legs.items() if amount]

    def contract_move(self, day, column, amount):
        """What the rollforward of the contract balance shows, apart from what is recognised."""
        self.contracts_moved.append((day, column, amount))

    def changes(self):
        """What the model of revenue has billed, credited and taken to contra revenue since."""
        found = []
        for key, contract in self.book.contracts.items():
            bills, contra = self.seen.get(key, (0, 0))
            self.seen[key] = len(contract.bills), len(contract.contra)
            taken = sum(amount for _, amount in contract.contra[contra:])
            days = {}
            for day, amount in contract.bills[bills:]:
                days[day] = days.get(day, 0) + amount
            found += [(day, key, amount, taken) for day, amount in days.items() if amount]
        return sorted(found)

    def series(self, documents, prefix):
        numbers = [name for name in documents if name.startswith(prefix)]
        return f"{prefix}{len(numbers) + 1}"

    # The book, customers and orders.

    def open_book(self, day, data):
        self.tolerance = self.minor(data["policies"]["tolerance"])

    def register_customer(self, day, data):
        self.terms[data["customer"]] = data["payment_terms_days"]

    def place_order(self, day, data):
        self.customer_of_order[data["order"]] = data["customer"]
        self.owner["order", data["order"]] = data["customer"]

    def cancel_order(self, day, data):
        """The credit settles the latest invoice, and stands on account beyond what is open."""
        for posted, key, amount, _ in self.changes():
            invoice = self.latest(key, posted, -amount)
            credit = self.credit(self.series(self.credits, "CN-"), posted, invoice, -amount, 0)
            self.settle(posted, credit, invoice, min(credit.left(), invoice.left()))

    # Billing.

    def run_billing(self, day, data):
        """One invoice for each order and billing date; what falls due below zero is a credit on
        the account."""
        for billed, key, amount, _ in self.changes():
            if amount > 0:
                name, customer = self.series(self.invoices, "INV-"), self.customer_of_order[key[1]]
                invoice = self.issue(name, customer, billed, billed + self.terms[customer], amount,
                                     key)
                invoice.order = key[1]
            else:
                invoice = self.latest(key, billed, -amount)
                self.credit(self.series(self.credits, "CN-"), billed, invoice, -amount, 0)

    def latest(self, key, day, net):
        """The latest invoice of a contract that has so much net left."""
        found = [
            invoice for invoice in self.invoices.values()
            if invoice.key == key and invoice.day <= day and invoice.net_left >= net
        ]
        return max(found, key=lambda invoice: invoice.day)

    def issue(self, name, customer, day, due, net, key):
        tax = self.policies.round(net * TAX)
        invoice = self.invoices[name] = Invoice(name, customer, day, due, net, tax, key)
        self.owner[key] = customer
        self.post(day, accounts_receivable=net + tax, tax_payable=-tax, contract=-net)
        self.contract_move(day, "billed", net)
        return invoice

    def issue_invoice(self, day, data):
        [(_, key, net, _)] = self.changes()
        name, customer = data["invoice"], data["customer"]
        invoice = self.issue(name, customer, day, day + self.terms[customer], net, key)
        [(_, invoice.earning, _)] = self.book.invoices[name].values()
        for offer in data.get("cash_discounts", []):
            off = Fraction(invoice.amount) - self.policies.discounted(
                Fraction(invoice.amount), offer.get("amount") or {"percent": offer["percent"]}
            )
            invoice.discounts.append((parse(offer["until"]), self.policies.round(off)))

    def void_invoice(self, day, data):
        self.changes()
        invoice = self.invoices[data["invoice"]]
        assert invoice.left() == invoice.amount
        invoice.move(day, -invoice.amount)
        self.post(day, accounts_receivable=-invoice.amount, tax_payable=invoice.tax,
                  contract=invoice.net)
        self.contract_move(day, "billed", -invoice.net)

    # Payments.

    def paid(self, day, method, received=0, refunded=0, fees=0):
        self.cash.append((day, method, received, refunded, fees))

    def record_payment(self, day, data):
        amount, fee = self.minor(data["amount"]), self.minor(data.get("fee", "0"))
        payment = Payment(data["payment"], data["customer"], day, amount, data.get("method"))
        self.payments[payment.name] = payment
        self.post(day, cash=amount - fee, payment_fees=fee, unapplied_cash=-amount)
        self.paid(day, payment.method, received=amount, fees=fee)
        if data["allocate"] == "auto":
            for invoice in self.in_order(payment, data.get("reference", "").split()):
                wanted = invoice.left()
                wanted -= min(invoice.discount(day), wanted)
                if payment.left():
                    self.allocate(day, payment, invoice, min(payment.left(), wanted))
        elif data["allocate"] != "none":
            self.allocate_payment(day, {"payment": payment.name, "allocations": data["allocate"]})

    def in_order(self, payment, named):
        """The open invoices that a reference names, then the others, the oldest due first."""
        invoices = [
            invoice for invoice in self.invoices.values()
            if invoice.customer == payment.customer and invoice.left()
        ]
        for invoice in invoices:
            parts = [word for word in named if invoice.name in word and invoice.name != word]
            assert not parts, (invoice.name, named)
        return sorted(
            invoices, key=lambda invoice: (invoice.name not in named, invoice.due, invoice.day)
        )

    def allocate_payment(self, day, data):
        for part in data["allocations"]:
            invoice = self.invoices[part["invoice"]]
            amount = self.minor(part["amount"])
            self.allocate(day, self.payments[data["payment"]], invoice, amount)

    def allocate(self, day, payment, invoice, amount):
        """Settles an invoice: early-payment discounts first, then the rest that may be left."""
        off = invoice.discount(day)
        if off and amount < invoice.left() - off:
            off = self.policies.round(Fraction(amount * off, invoice.amount - off))
        tax = self.policies.round(Fraction(off * invoice.tax, invoice.amount))
        payment.move(day, -amount)
        payment.applied.append((invoice, amount))
        invoice.move(day, -amount - off)
        invoice.money.append((day, amount))
        self.post(day, unapplied_cash=amount, contra_revenue=off - tax, tax_payable=tax,
                  accounts_receivable=-amount - off)
        rest = invoice.left()
        if 0 < rest <= self.tolerance:
            invoice.move(day, -rest)
            self.post(day, small_balance_write_off=rest, accounts_receivable=-rest)

    def deallocate_payment(self, day, data):
        payment = self.payments[data["payment"]]
        for part in data["allocations"]:
            invoice, amount = self.invoices[part["invoice"]], self.minor(part["amount"])
            payment.applied.remove((invoice, amount))
            self.take_off(day, payment, invoice, amount)

    def take_off(self, day, payment, invoice, amount):
        assert not invoice.discounts
        invoice.move(day, amount)
        invoice.money.append((day, -amount))
        payment.move(day, amount)
        self.post(day, accounts_receivable=amount, unapplied_cash=-amount)

    def free(self, day, payment, amount):
        """Takes the latest allocations off until so much is unapplied; what was taken off."""
        freed = []
        while payment.left() < amount:
            invoice, applied = payment.applied.pop()
            part = min(applied, amount - payment.left())
            if part < applied:
                payment.applied.append((invoice, applied - part))
            self.take_off(day, payment, invoice, part)
            freed.append((invoice, part))
        return freed

    def fail_payment(self, day, data):
        if "payment" in data:
            payment = self.payments[data["payment"]]
            whole = payment.left() + sum(amount for _, amount in payment.applied)
            self.free(day, payment, whole)
            self.pay_back(day, payment, whole)

    def refund_payment(self, day, data):
        payment = self.payments[data["payment"]]
        self.free(day, payment, self.minor(data["amount"]))
        self.pay_back(day, payment, self.minor(data["amount"]))

    def pay_back(self, day, payment, amount, fee=0):
        payment.move(day, -amount)
        self.post(day, unapplied_cash=amount, payment_fees=fee, cash=-amount - fee)
        self.paid(day, payment.method, refunded=amount, fees=fee)

    def charge_back(self, day, data):
        payment = self.payments[data["payment"]]
        whole = payment.left() + sum(amount for _, amount in payment.applied)
        amount, fee = self.minor(data.get("amount", self.policies.show(whole))), data.get("fee")
        fee = self.minor(fee or "0")
        treatment = data.get("treatment", "reopen_receivable")
        if treatment == "reopen_receivable":
            freed = self.free(day, payment, amount)
            self.pay_back(day, payment, amount, fee)
        else:
            assert not payment.left()
            freed = []
            self.reverse_revenue(day, payment.applied[-1][0], amount, fee)
            self.paid(day, payment.method, refunded=amount, fees=fee)
        payment.charged_back = treatment, amount, freed

    def reverse_revenue(self, day, invoice, amount, fee):
        """Revenue, contract balance and tax in proportion, as a credit would."""
        tax = self.policies.round(Fraction(amount * invoice.tax, invoice.amount))
        contract = self.book.contracts[invoice.key]
        self.book.credit(contract, invoice.earning, day, amount - tax, "split_pro_rata")
        [(_, _, _, taken)] = self.changes()
        self.post(day, contra_revenue=taken, contract=amount - tax - taken, tax_payable=tax,
                  payment_fees=fee, cash=-amount - fee)
        self.contract_move(day, "credited", amount - tax - taken)

    def win_chargeback(self, day, data):
        payment = self.payments[data["payment"]]
        treatment, amount, freed = payment.charged_back
        self.paid(day, payment.method, refunded=-amount)
        if treatment == "reverse_revenue":
            self.post(day, cash=amount, recoveries=-amount)
            return
        payment.move(day, amount)
        self.post(day, cash=amount, unapplied_cash=-amount)
        for invoice, part in freed:
            self.allocate(day, payment, invoice, min(part, invoice.left()))

    # Credits.

    def credit(self, name, day, invoice, net, taken):
        """A credit with its tax; `taken` of it goes to contra revenue."""
        tax = self.policies.round(Fraction(net * invoice.tax, invoice.net))
        tax = invoice.tax_left if net == invoice.net_left else min(tax, invoice.tax_left)
        invoice.net_left -= net
        invoice.tax_left -= tax
        credit = self.credits[name] = Credit(name, invoice.customer, day, net + tax)
        credit.order, credit.key = invoice.order, invoice.key
        credit.net, credit.tax, credit.taken = net, tax, taken
        self.post(day, contra_revenue=taken, contract=net - taken, tax_payable=tax,
                  customer_credits=-net - tax)
        self.contract_move(day, "credited", net - taken)
        return credit

    def issue_credit(self, day, data):
        name, found = data["credit"], self.changes()
        [(_, key, amount, taken)] = found
        if "invoice" not in data:
            self.owner[key] = data["customer"]
            self.credits[name] = Credit(name, data["customer"], day, -amount)
            self.post(day, contra_revenue=-amount, customer_credits=amount)
            return
        invoice = self.invoices[data["invoice"]]
        credit = self.credit(name, day, invoice, -amount, taken)
        if data["apply"] == "invoice":
            self.settle(day, credit, invoice, credit.amount)
        elif data["apply"] == "refund":
            self.refund_credit(day, {"credit": name})

    def settle(self, day, credit, invoice, amount):
        credit.move(day, -amount)
        invoice.move(day, -amount)
        self.post(day, customer_credits=amount, accounts_receivable=-amount)

    def apply_credit(self, day, data):
        for part in data["allocations"]:
            invoice = self.invoices[part["invoice"]]
            self.settle(day, self.credits[data["credit"]], invoice, self.minor(part["amount"]))

    def refund_credit(self, day, data):
        credit = self.credits[data["credit"]]
        amount = self.minor(data["amount"]) if "amount" in data else credit.left()
        credit.move(day, -amount)
        self.post(day, customer_credits=amount, cash=-amount)
        self.paid(day, None, refunded=amount)

    def void_credit(self, day, data):
        """Only of a credit on what was earned in full, so that no schedule changes."""
        credit = self.credits[data["credit"]]
        assert credit.taken == credit.net and credit.left() == credit.amount
        contract = self.book.contracts[credit.key]
        contract.bills.append((day, credit.net))
        contract.contra.append((day, -credit.net))
        self.changes()
        credit.move(day, -credit.amount)
        self.post(day, contra_revenue=-credit.net, tax_payable=-credit.tax,
                  customer_credits=credit.amount)
