"""Two years of many documents with awkward names, for the tests of the exports: the same each time."""

import datetime
import os
import random

SEED = 606
DOCUMENTS = int(os.environ.get("REVLEDGER_EXPORT_DOCUMENTS", "50000"))
FIRST = datetime.date(2024, 7, 1)
LAST = datetime.date(2026, 6, 30)
# What plain-text accounting, CSV and TOML would take for something else.
CUSTOMERS = [
    "C-1", "C 2", "C  3", "C;4", 'C"5"', "C|6", "C,7", "(C8)", "C:9", "=C10", "C%20", "C'12",
    "R\u00fcck & Söhne", "\u682a\u5f0f\u4f1a\u793e", "[C15]", "C\\16", "*C17", "@C18", "C#19",
    "C$20",
]
# Documents of these customers are in another currency than the book's.
CURRENCIES = {"C;4": "EUR", "C,7": "EUR", "C:9": "JPY", "=C10": "GBP", "[C15]": "EUR", "*C17": "JPY"}
RATES = {"EUR": (1_060_000, 40_000), "JPY": (6_700, 300), "GBP": (1_270_000, 50_000)}
PRODUCTS = {"SEATS": "over_time", "SET;UP": "point_in_time", "SUP PORT": "over_time"}
ACCOUNTS = {
    "cash": {"code": "10:00", "name": "Bank; current  account"},
    "accounts_receivable": {
        "code": "1200", "name": "Trade receivables",
        "by_customer": {"C;4": "12;10", 'C"5"': {"code": '12"15"', "name": "Owed by \"5\""}},
    },
    "revenue": {
        "code": "4000", "name": "Erl\u00f6se (19 %), alle",
        "by_product": {"SUP PORT": {"code": "4100", "name": "=Support @ home"}},
        "by_customer": {"C|6": "4|200"},
    },
    # One account for two roles.
    "contra_revenue": {"code": "4900", "by_product": {"SUP PORT": "4100"}},
    "deferred_revenue": {"code": "24 00", "by_customer": {"C,7": "24_00"}},
    "small_balance_write_off": "6-900",
    "payment_fees": "6-900",
}


def cents(amount, currency="USD"):
    """An amount of so many cents; a yen has none."""
    return str(amount) if currency == "JPY" else f"{amount // 100}.{amount % 100:02}"


def currency_of(customer):
    return CURRENCIES.get(customer, "USD")


class Generator:
    """Commands in the order of their dates."""

    def __init__(self, documents):
        self.documents = documents
        self.random = random.Random(SEED)
        self.open, self.payments, self.unbilled, self.numbers = [], [], [], 0

    def commands(self):
        policies = {"tolerance": "0.05", "late": "catch_up", "fx_revaluation": "on"}
        yield FIRST, "OpenBook", {"currency": "USD", "policies": policies, "accounts": ACCOUNTS}
        for product, method in PRODUCTS.items():
            account = {"revenue_account": "43 00"} if product == "SET;UP" else {}
            yield FIRST, "DefineProduct", {
                "product": product, "name": product, "recognition": {"method": method}, **account}
        for customer in CUSTOMERS:
            yield FIRST, "RegisterCustomer", {"customer": customer, "name": f"Name of {customer}"}
        yield from self.rates(FIRST)
        days, month = (LAST - FIRST).days + 1, FIRST.month
        closed = FIRST
        for number in range(self.documents):
            day = FIRST + datetime.timedelta(days * number // self.documents)
            if day.month != month:
                month = day.month
                yield from self.rates(day)
            if day.day > 9 and day.month % 3 == 1 and day.replace(day=1) > closed:
                closed = day.replace(day=1)
                yield day, "ClosePeriod", {"through": show(closed - datetime.timedelta(1))}
            yield self.document(day)

    def rates(self, day):
        """Rates that move, with six decimals."""
        for currency, (middle, width) in RATES.items():
            rate = middle + self.random.randrange(-width, width)
            yield day, "RecordFxRate", {
                "from": currency, "to": "USD", "date": show(day),
                "rate": f"{rate // 10**6}.{rate % 10**6:06}"}

    def document(self, day):
        kinds = {self.invoice: 44, self.order: 6, self.bill: 6 if self.unbilled else 0, self.pay: 30, self.credit: 6, self.write_off: 2,
                 self.refund: 2, self.charge_back: 1, self.void: 2}
        if not self.open or not self.payments:
            kinds = {self.invoice: 1, self.pay: 1}
        [kind] = self.random.choices(list(kinds), list(kinds.values()))
        return kind(day)

    def name(self, prefix):
        self.numbers += 1
        odd = self.random.choice(["", " ;x", " (b)", "|", "\u00e9"])
        return f"{prefix}/{self.numbers}{odd}"

    def invoice(self, day):
        name, customer = self.name("INV"), self.random.choice(CUSTOMERS)
        currency = currency_of(customer)
        start = day + datetime.timedelta(self.random.randrange(-40, 40))
        amount = self.random.randrange(100, 500_000)
        lines = [{"line": "1", "amount": cents(amount, currency),
                  "tax_rate": self.random.choice(["0", "7", "19"]), "service_start": show(start),
                  "service_end": show(start + datetime.timedelta(self.random.randrange(400)))}]
        if self.random.random() < 0.3:
            lines.append({"line": "2", "amount": cents(self.random.randrange(1, 9_999), currency)})
        self.open.append((name, customer, amount))
        return day, "IssueInvoice", {
            "invoice": name, "customer": customer, "currency": currency, "lines": lines}

    def order(self, day):
        name, customer = self.name("O"), self.random.choice(CUSTOMERS)
        currency, lines = currency_of(customer), []
        for product in PRODUCTS:
            amount = self.random.randrange(999, 99_999)
            price = {"model": "flat", "amount": cents(amount, currency), "per": "term"}
            lines.append({"line": product, "product": product, "quantity": "1", "price": price})
            self.unbilled.append((name, customer, product, amount))
        return day, "PlaceOrder", {
            "order": name, "customer": customer, "currency": currency,
            "start": show(day), "lines": lines,
            "end": show(day + datetime.timedelta(self.random.randrange(30, 400)))}

    def bill(self, day):
        index = self.random.randrange(len(self.unbilled))
        order, customer, line, amount = self.unbilled.pop(index)
        name, currency = self.name("INV"), currency_of(customer)
        self.open.append((name, customer, amount))
        return day, "IssueInvoice", {
            "invoice": name, "customer": customer, "order": order, "currency": currency,
            "lines": [{"line": "1", "order_line": line, "amount": cents(amount, currency)}]}

    def pay(self, day):
        name, amount = self.name("PAY"), self.random.randrange(500, 400_000)
        customer = self.random.choice(CUSTOMERS)
        currency = currency_of(customer)
        self.payments.append((name, currency))
        return day, "RecordPayment", {
            "payment": name, "customer": customer, "currency": currency,
            "amount": cents(amount, currency), "fee": cents(amount * 29 // 1000, currency),
            "allocate": self.random.choice(["auto", "none"])}

    def credit(self, day):
        invoice, customer, net = self.random.choice(self.open)
        share, currency = net * self.random.randrange(1, 60) // 100, currency_of(customer)
        apply = self.random.choice(["account", "invoice"])
        return day, "IssueCredit", {
            "credit": self.name("CN"), "customer": customer, "invoice": invoice,
            "currency": currency, "apply": apply,
            "lines": [{"invoice_line": "1", "amount": cents(max(share, 1), currency)}]}

    def write_off(self, day):
        return day, "WriteOffInvoice", {"invoice": self.random.choice(self.open)[0]}

    def refund(self, day):
        return day, "RefundPayment", {"payment": self.random.choice(self.payments)[0]}

    def charge_back(self, day):
        treatment = self.random.choice(["reopen_receivable", "reverse_revenue"])
        payment, currency = self.random.choice(self.payments)
        return day, "ChargeBackPayment", {
            "payment": payment, "fee": cents(1_500, currency), "treatment": treatment}

    def void(self, day):
        return day, "VoidInvoice", {"invoice": self.random.choice(self.open)[0]}


def show(day):
    return day.isoformat()


def commands(documents):
    """Envelopes with ids of their own."""
    return [
        {"id": f"c-{number}", "command": name, "effective": show(day),
         "reason": f"reason: {number}, \"why\"; and\nso on", "data": data}
        for number, (day, name, data) in enumerate(Generator(documents).commands())
    ]
