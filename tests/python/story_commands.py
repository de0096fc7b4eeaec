"""The story of a subscription business in 2024 and 2025: its commands in the order of their dates.

Twelve customers. ALDER pays monthly for seats by card, BIRCH and CEDAR yearly, JUNIPER monthly in
arrears, KAURI monthly for a term, LARCH yearly for two years. The others get single invoices for
whole months: DOGWOOD disputes, ELM charges back, FIR pays early, GINKGO pays late or never, HAZEL
pays too much and too little, IRIS gets credit notes.

`@ORDER DATE` stands for the invoice of an order that was issued on a date, `~ORDER DATE` for a
credit on its invoices.
"""

CUSTOMERS = {
    "ALDER": 14, "BIRCH": 30, "CEDAR": 30, "DOGWOOD": 30, "ELM": 30, "FIR": 30, "GINKGO": 14,
    "HAZEL": 30, "IRIS": 30, "JUNIPER": 30, "KAURI": 30, "LARCH": 30,
}
# How an order's invoices are paid unless told: (days after issue, method, fee rate).
HABITS = {
    "ALDER-1": (0, "card", "0.029"), "BIRCH-1": (20, "transfer", "0"),
    "CEDAR-1": (10, "transfer", "0"), "JUNIPER-1": (35, "transfer", "0"),
    "KAURI-1": (28, "debit", "0.005"), "LARCH-1": (20, "transfer", "0"),
}
TOLD = {("ALDER-1", "2024-06-01")}
RATES = {"current": "0", "1-30": "5", "31-60": "10", "61-90": "25", "90+": "50"}


def line(name, quantity, price, every="year", timing="advance", **more):
    return {
        "line": name, "description": name, "quantity": quantity, "price": price,
        "tax_code": "VAT", "recognition": {"method": "over_time"},
        "billing": {"every": every, "timing": timing},
    } | more


def flat(amount, per="year"):
    return {"model": "flat", "amount": amount, "per": per}


def seats(amount):
    return {"model": "per_unit", "unit_price": amount, "per": "month"}


def order(start, name, order_line, **more):
    customer = name.split("-")[0]
    return start, "PlaceOrder", {
        "order": name, "customer": customer, "currency": "USD", "start": start,
        "lines": [order_line], **more,
    }


def amend(day, name, *changes, **more):
    return day, "AmendOrder", {
        "order": name, "amendment": f"{name}/{day}", "changes": list(changes), **more
    }


def invoice(day, name, net, start, end, **more):
    customer = name.split("-")[0]
    return day, "IssueInvoice", {
        "invoice": name, "customer": customer, "currency": "USD", **more, "lines": [
            {"line": "1", "description": "service", "amount": net, "tax_code": "VAT",
             "service_start": start, "service_end": end}],
    }


def pay(day, name, amount, reference=None, allocate="auto", method="transfer", **more):
    customer = name.split("-")[0]
    if reference:
        more["reference"] = reference
    return day, "RecordPayment", {
        "payment": name, "customer": customer, "currency": "USD", "amount": amount,
        "method": method, "allocate": allocate, **more,
    }


def to(document, name, *parts):
    """An allocation of a payment or a credit."""
    return {document: name, "allocations": [
        {"invoice": invoice, "amount": amount} for invoice, amount in parts
    ]}


def credit(day, name, net, apply, of=None):
    customer = name.split("-")[0]
    data = {"credit": name, "customer": customer, "currency": "USD", "apply": apply}
    if of:
        return day, "IssueCredit", data | {
            "invoice": of, "lines": [{"invoice_line": "1", "amount": net}]
        }
    return day, "IssueCredit", data | {"lines": [{"description": "goodwill", "amount": net}]}


ORDERS = [
    order("2024-01-01", "ALDER-1", line("seats", "10", seats("30.00"), "month")),
    amend("2024-03-16", "ALDER-1", {"line": "seats", "quantity": "14"}),
    pay("2024-06-01", "ALDER-P1", "504.00", "@ALDER-1 2024-06-01", method="card", fee="14.62"),
    ("2024-06-04", "FailPayment",
     {"invoice": "@ALDER-1 2024-06-01", "payment": "ALDER-P1", "code": "insufficient_funds"}),
    ("2024-06-09", "FailPayment", {"invoice": "@ALDER-1 2024-06-01", "code": "card_declined"}),
    pay("2024-06-20", "ALDER-P2", "504.00", "June: @ALDER-1 2024-06-01"),
    amend("2024-09-11", "ALDER-1", {"line": "seats", "quantity": "9"}),
    # 5 x 30.00 x 20/30 and tax.
    ("2024-10-01", "ApplyCredit",
     to("credit", "~ALDER-1 2024-09-11", ("@ALDER-1 2024-10-01", "120.00"))),
    amend("2025-02-15", "ALDER-1", {"line": "seats", "price": seats("36.00")}),
    amend("2025-06-20", "ALDER-1", {"line": "seats", "quantity": "20"}),
    amend("2025-10-07", "ALDER-1", {"line": "seats", "quantity": "18"}),
    # 2 x 36.00 x 25/31 and tax.
    ("2025-11-01", "ApplyCredit",
     to("credit", "~ALDER-1 2025-10-07", ("@ALDER-1 2025-11-01", "69.67"))),

    order("2024-02-01", "BIRCH-1", line("plan", "1", flat("1200.00")), term_months=12),
    amend("2024-07-10", "BIRCH-1", {"line": "plan", "price": flat("1800.00")}),
    ("2025-01-15", "RenewOrder", {"order": "BIRCH-1", "term_months": 12}),
    amend("2025-05-10", "BIRCH-1", {"add": line(
        "support", "1", flat("365.00"), start="2025-05-10", end="2026-01-31")}),
    amend("2025-09-18", "BIRCH-1", {"line": "plan", "price": flat("2400.00")}),

    order("2024-03-01", "CEDAR-1", line("plan", "1", flat("2400.00")), term_months=12),
    ("2025-02-10", "RenewOrder", {"order": "CEDAR-1", "term_months": 12}),
    # 163 of 365 days are used: 1328.22 and 265.64 tax are credited.
    ("2025-08-11", "CancelOrder", {"order": "CEDAR-1", "unearned": "credit"}),
    ("2025-08-20", "RefundCredit", {"credit": "~CEDAR-1 2025-08-11", "amount": "1000.00"}),
    order("2025-09-01", "CEDAR-2", line("plan", "1", flat("1200.00")), term_months=12),
    # 44 of 365 days are used and not paid: of 1440.00 173.59 stay open.
    ("2025-10-15", "CancelOrder", {"order": "CEDAR-2", "unearned": "credit"}),
    ("2025-11-05", "ApplyCredit",
     to("credit", "~CEDAR-1 2025-08-11", ("@CEDAR-2 2025-09-01", "173.59"))),

    order("2024-01-15", "JUNIPER-1", line("access", "1", flat("310.00", "month"), "month",
                                          "arrears")),
    invoice("2024-04-10", "JUNIPER-V", "91.00", "2024-04-01", "2024-06-30"),
    ("2024-05-20", "VoidInvoice", {"invoice": "JUNIPER-V"}),
    amend("2024-08-25", "JUNIPER-1", {"line": "access", "price": flat("620.00", "month")}),
    amend("2025-04-02", "JUNIPER-1", {"line": "access", "price": flat("465.00", "month")}),

    order("2024-04-01", "KAURI-1", line("seats", "5", seats("40.00"), "month"), term_months=12),
    amend("2024-06-12", "KAURI-1", {"line": "seats", "quantity": "8"}),
    amend("2024-08-20", "KAURI-1", {"line": "seats", "price": seats("35.00")}),
    # 8 x 5.00 x 12/31 and tax.
    ("2024-09-10", "ApplyCredit",
     to("credit", "~KAURI-1 2024-08-20", ("@KAURI-1 2024-09-01", "18.58"))),
    ("2025-03-10", "RenewOrder", {"order": "KAURI-1", "term_months": 12}),
    amend("2025-07-16", "KAURI-1", {"line": "seats", "quantity": "12"}),

    order("2024-06-15", "LARCH-1", line("plan", "1", flat("3650.00")), term_months=24),
    amend("2025-01-20", "LARCH-1", {"line": "plan", "price": flat("2920.00")}),
    # 730.00 x 146/365 and tax.
    ("2025-07-03", "ApplyCredit",
     to("credit", "~LARCH-1 2025-01-20", ("@LARCH-1 2025-06-15", "350.40"))),
]

INVOICES = [
    invoice("2024-01-15", "DOGWOOD-1", "1000.00", "2024-01-01", "2024-03-31"),
    ("2024-02-10", "OpenDispute",
     {"invoice": "DOGWOOD-1", "amount": "300.00", "reason": "days without service"}),
    ("2024-03-12", "ResolveDispute", {"invoice": "DOGWOOD-1", "outcome": "upheld"}),
    credit("2024-03-12", "DOGWOOD-C1", "250.00", "invoice", "DOGWOOD-1"),
    pay("2024-03-20", "DOGWOOD-P1", "900.00", "DOGWOOD-1"),
    invoice("2024-04-01", "DOGWOOD-2", "910.00", "2024-04-01", "2024-06-30"),
    pay("2024-04-05", "DOGWOOD-P2", "1092.00", "DOGWOOD-2", method="card", fee="31.97"),
    ("2024-05-16", "ChargeBackPayment",
     {"payment": "DOGWOOD-P2", "fee": "15.00", "treatment": "reverse_revenue"}),
    invoice("2024-08-01", "DOGWOOD-3", "600.00", "2024-08-01", "2024-10-31"),
    ("2024-09-05", "OpenDispute", {"invoice": "DOGWOOD-3", "reason": "not ordered"}),
    ("2024-10-15", "ResolveDispute", {"invoice": "DOGWOOD-3", "outcome": "rejected"}),
    pay("2024-10-30", "DOGWOOD-P3", "720.00", "DOGWOOD-3"),
    invoice("2025-03-01", "DOGWOOD-4", "920.00", "2025-03-01", "2025-05-31"),
    pay("2025-03-04", "DOGWOOD-P4", "1104.00", "DOGWOOD-4", method="card", fee="32.32"),
    ("2025-04-11", "ChargeBackPayment", {
        "payment": "DOGWOOD-P4", "amount": "552.00", "fee": "15.00",
        "treatment": "reverse_revenue"}),
    ("2025-07-01", "WinChargeback", {"payment": "DOGWOOD-P4"}),
    invoice("2025-10-15", "DOGWOOD-5", "920.00", "2025-10-01", "2025-12-31"),
    ("2025-11-25", "OpenDispute",
     {"invoice": "DOGWOOD-5", "amount": "120.00", "reason": "a day without service"}),

    invoice("2024-02-01", "ELM-1", "500.00", "2024-02-01", "2024-04-30"),
    pay("2024-02-03", "ELM-P1", "600.00", "ELM-1", method="card", fee="17.70"),
    ("2024-03-11", "ChargeBackPayment",
     {"payment": "ELM-P1", "fee": "20.00", "treatment": "reopen_receivable"}),
    ("2024-05-06", "WinChargeback", {"payment": "ELM-P1"}),
    invoice("2024-09-01", "ELM-2", "800.00", "2024-09-01", "2024-11-30"),
    pay("2024-09-10", "ELM-P2", "960.00", "ELM-2", method="card", fee="28.14"),
    ("2024-10-20", "ChargeBackPayment", {"payment": "ELM-P2", "amount": "400.00"}),
    pay("2025-01-10", "ELM-P3", "400.00", "ELM-2"),
    invoice("2025-06-01", "ELM-3", "400.00", "2025-06-01", "2025-06-30"),
    pay("2025-06-10", "ELM-P4", "480.00", "ELM-3"),
    credit("2025-07-01", "ELM-C1", "100.00", "refund", "ELM-3"),
    invoice("2025-11-10", "ELM-4", "200.00", "2025-11-01", "2025-11-30"),
    invoice("2025-12-05", "ELM-5", "310.00", "2025-12-01", "2025-12-31"),

    invoice("2024-03-01", "FIR-1", "1000.00", "2024-03-01", "2024-03-31",
            cash_discounts=[{"percent": "2", "until": "2024-03-11"}]),
    pay("2024-03-11", "FIR-P1", "1176.00", "FIR-1"),
    invoice("2024-06-03", "FIR-2", "2000.00", "2024-06-01", "2024-08-31",
            cash_discounts=[{"percent": "2", "until": "2024-06-13"}]),
    pay("2024-06-13", "FIR-P2", "1176.00", "FIR-2"),
    pay("2024-07-02", "FIR-P3", "1200.00", "FIR-2"),
    invoice("2024-10-01", "FIR-3", "1500.00", "2024-10-01", "2024-12-31",
            cash_discounts=[{"percent": "2", "until": "2024-10-11"}]),
    pay("2024-10-20", "FIR-P4", "1800.00", "FIR-3"),
    invoice("2025-04-01", "FIR-4", "1000.00", "2025-04-01", "2025-06-30",
            cash_discounts=[{"amount": "30.00", "until": "2025-04-15"}]),
    pay("2025-04-10", "FIR-P5", "1170.00", "FIR-4"),
    invoice("2025-09-01", "FIR-5", "1000.00", "2025-09-01", "2025-09-30", cash_discounts=[
        {"percent": "3", "until": "2025-09-08"}, {"percent": "1", "until": "2025-09-20"}]),
    pay("2025-09-15", "FIR-P6", "1200.00", "FIR-5"),  # 12.00 too much.

    invoice("2024-05-01", "GINKGO-1", "600.00", "2024-05-01", "2024-05-31"),
    ("2024-08-12", "RunDunning", {"through": "2024-08-12"}),
    invoice("2024-11-01", "GINKGO-2", "450.00", "2024-11-01", "2024-11-30"),
    ("2024-12-20", "RunDunning", {"through": "2024-12-20"}),
    ("2025-01-10", "PromisePayment",
     {"invoice": "GINKGO-2", "date": "2025-01-31", "amount": "270.00"}),
    ("2025-01-21", "RunDunning", {"through": "2025-01-21"}),
    ("2025-02-10", "RunDunning", {"through": "2025-02-10"}),
    ("2025-02-10", "WriteOffInvoice", {"invoice": "GINKGO-1"}),
    pay("2025-02-20", "GINKGO-P1", "270.00"),
    invoice("2025-03-01", "GINKGO-3", "365.00", "2025-03-01", "2026-02-28"),
    pay("2025-03-31", "GINKGO-P2", "270.00", "rest of GINKGO-2"),
    ("2025-06-03", "RecoverWriteOff", {"invoice": "GINKGO-1", "amount": "300.00"}),
    pay("2025-06-05", "GINKGO-P3", "300.00", "GINKGO-1"),
    # 184.00 are earned, 181.00 are not; of 300.00 50.00 are tax and 66.00 were never earned.
    ("2025-09-01", "WriteOffInvoice", {"invoice": "GINKGO-3"}),
    invoice("2025-10-01", "GINKGO-4", "300.00", "2025-10-01", "2025-10-31"),
    ("2025-11-05", "RecoverWriteOff", {"invoice": "GINKGO-3", "amount": "300.00"}),
    pay("2025-11-10", "GINKGO-P4", "300.00", "GINKGO-3"),
    ("2025-11-20", "RunDunning", {"through": "2025-11-20"}),

    invoice("2024-01-10", "HAZEL-A", "250.00", "2024-01-01", "2024-01-31"),
    pay("2024-01-31", "HAZEL-P1", "350.00", "HAZEL-A"),
    invoice("2024-02-12", "HAZEL-B", "300.00", "2024-02-01", "2024-02-29"),
    ("2024-02-20", "AllocatePayment", to("payment", "HAZEL-P1", ("HAZEL-B", "50.00"))),
    pay("2024-03-10", "HAZEL-P2", "200.00", "HAZEL-B"),
    pay("2024-04-15", "HAZEL-P3", "110.00", "HAZEL-B"),
    invoice("2024-05-06", "HAZEL-C", "400.00", "2024-05-01", "2024-05-31"),
    pay("2024-05-30", "HAZEL-P4", "479.70", "HAZEL-C"),
    invoice("2024-07-01", "HAZEL-D", "500.00", "2024-07-01", "2024-09-30"),
    invoice("2024-07-01", "HAZEL-E", "700.00", "2024-07-01", "2024-12-31"),
    pay("2024-07-15", "HAZEL-P5", "600.00",
        allocate=[{"invoice": "HAZEL-E", "amount": "600.00"}]),
    ("2024-08-02", "DeallocatePayment", to("payment", "HAZEL-P5", ("HAZEL-E", "600.00"))),
    ("2024-09-03", "AllocatePayment", to("payment", "HAZEL-P5", ("HAZEL-D", "600.00"))),
    pay("2024-09-20", "HAZEL-P6", "840.00", "HAZEL-E"),
    invoice("2024-10-01", "HAZEL-F", "200.00", "2024-10-01", "2024-10-31"),
    pay("2024-10-10", "HAZEL-P7", "500.00", allocate="none"),
    ("2024-11-15", "AllocatePayment", to("payment", "HAZEL-P7", ("HAZEL-F", "240.00"))),
    ("2024-12-02", "RefundPayment", {"payment": "HAZEL-P7", "amount": "160.00"}),
    invoice("2025-02-01", "HAZEL-G", "150.00", "2025-02-01", "2025-02-28"),
    ("2025-02-15", "AllocatePayment", to("payment", "HAZEL-P7", ("HAZEL-G", "100.00"))),
    pay("2025-03-01", "HAZEL-P8", "80.00", "HAZEL-G"),
    invoice("2025-05-01", "HAZEL-H", "300.00", "2025-05-01", "2025-05-31"),
    pay("2025-05-20", "HAZEL-P9", "360.00", "HAZEL-H"),
    ("2025-06-10", "RefundPayment", {"payment": "HAZEL-P9", "amount": "60.00"}),
    pay("2025-07-05", "HAZEL-PA", "60.00", "HAZEL-H"),
    invoice("2025-08-01", "HAZEL-J", "400.00", "2025-08-01", "2025-08-31"),
    invoice("2025-09-01", "HAZEL-K", "500.00", "2025-09-01", "2025-09-30"),
    pay("2025-09-12", "HAZEL-PB", "700.00", "thank you"),
    pay("2025-12-12", "HAZEL-PC", "150.00", "HAZEL-K"),

    invoice("2024-03-01", "IRIS-1", "365.00", "2024-03-01", "2025-02-28"),
    credit("2024-06-01", "IRIS-C1", "73.00", "invoice", "IRIS-1"),
    pay("2024-06-15", "IRIS-P1", "350.40", "IRIS-1"),
    invoice("2024-08-01", "IRIS-2", "500.00", "2024-08-01", "2024-08-31"),
    pay("2024-08-20", "IRIS-P2", "600.00", "IRIS-2"),
    credit("2024-09-10", "IRIS-C2", "100.00", "account", "IRIS-2"),
    invoice("2024-11-01", "IRIS-3", "300.00", "2024-11-01", "2024-11-30"),
    ("2024-11-10", "ApplyCredit", to("credit", "IRIS-C2", ("IRIS-3", "120.00"))),
    pay("2024-11-28", "IRIS-P3", "240.00", "IRIS-3"),
    credit("2025-01-20", "IRIS-C3", "50.00", "account"),
    invoice("2025-03-01", "IRIS-4", "350.00", "2025-03-01", "2025-03-31"),
    ("2025-03-10", "ApplyCredit", to("credit", "IRIS-C3", ("IRIS-4", "50.00"))),
    pay("2025-03-25", "IRIS-P4", "370.00", "IRIS-4"),
    invoice("2025-04-01", "IRIS-5", "310.00", "2025-04-01", "2025-04-30"),
    pay("2025-04-20", "IRIS-P5", "372.00", "IRIS-5"),
    credit("2025-05-11", "IRIS-C4", "31.00", "account", "IRIS-5"),
    ("2025-06-03", "VoidCredit", {"credit": "IRIS-C4"}),
]

CLOSES = [
    ("2024-12-31", "RecordAllowance", {"rates": RATES}),
    ("2025-01-20", "ClosePeriod", {"through": "2024-12-31"}),
    ("2025-12-31", "RecordAllowance", {"rates": RATES}),
]
EVENTS = sorted(ORDERS + INVOICES + CLOSES, key=lambda event: event[0])
