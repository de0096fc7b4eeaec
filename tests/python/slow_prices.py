"""Money in whole minor units, the policies of a book, and what a quantity costs."""

import math
from fractions import Fraction

DIGITS = {"JPY": 0, "KWD": 3}
HALF = Fraction(1, 2)


class Policies:
    """A book's currency and the policies that shape revenue (contract, section 5)."""

    DEFAULTS = {
        "rounding": "half_even",
        "recognition_basis": "day",
        "proration": "actual_period",
        "proration_rounding": "net",
        "change_day": "new",
        "month_end": "clamp",
        "credit_revenue": "split_pro_rata",
    }

    def __init__(self, currency, chosen):
        self.digits = DIGITS.get(currency, 2)
        for name, default in self.DEFAULTS.items():
            setattr(self, name, chosen.get(name, default))

    def exact(self, text):
        """An amount or a unit price, exactly, in minor units."""
        return Fraction(text) * 10**self.digits

    def minor(self, text):
        """An amount that is a whole number of minor units."""
        amount = self.exact(text)
        assert amount.denominator == 1, text
        return int(amount)

    def show(self, minor):
        """An amount as the contract writes it."""
        sign, digits = "-" if minor < 0 else "", str(abs(minor)).zfill(self.digits + 1)
        if not self.digits:
            return sign + digits
        return f"{sign}{digits[: -self.digits]}.{digits[-self.digits :]}"

    def round(self, amount):
        """The nearest minor unit; a half goes to the even one, or away from zero."""
        if self.rounding == "half_even":
            return round(amount)
        nearest = math.floor(abs(amount) + HALF)
        return nearest if amount >= 0 else -nearest

    def allocate(self, total, weights):
        """Parts that sum to the total: exact ratios, cumulative rounding in order."""
        whole, so_far, given, parts = sum(weights), 0, 0, []
        for weight in weights:
            so_far += weight
            through = self.round(Fraction(total) * so_far / whole)
            parts.append(through - given)
            given = through
        return parts

    def discounted(self, amount, discount):
        """An exact amount less a discount: an amount, or a percentage."""
        if not discount:
            return amount
        if isinstance(discount, dict):
            return amount * (1 - Fraction(discount["percent"]) / 100)
        return amount - self.exact(discount)


def rated(price, quantity):
    """What a quantity costs by a price's model, exactly, in major units."""
    model = price["model"]
    if model == "flat":
        return Fraction(price["amount"])
    if model == "per_unit":
        return Fraction(price["unit_price"]) * quantity
    if model == "package":
        packages = math.ceil(quantity / Fraction(price["package_size"]))
        return packages * Fraction(price["amount"])
    if not quantity:
        return Fraction(0)
    if model == "volume":
        return in_one_tier(price["tiers"], quantity)
    if model == "graduated":
        return in_each_tier(price["tiers"], quantity)
    raise ValueError(model)


def in_one_tier(tiers, quantity):
    """All units at the price of the tier that the quantity reaches."""
    for tier in tiers:
        if "up_to" not in tier or quantity <= Fraction(tier["up_to"]):
            return quantity * Fraction(tier["unit_price"]) + Fraction(tier.get("flat", 0))
    raise ValueError("the last tier has an end")


def in_each_tier(tiers, quantity):
    """Each tier's units at its own price."""
    total, below = Fraction(0), Fraction(0)
    for tier in tiers:
        if quantity <= below:
            break
        top = min(quantity, Fraction(tier["up_to"])) if "up_to" in tier else quantity
        total += (top - below) * Fraction(tier["unit_price"]) + Fraction(tier.get("flat", 0))
        below = top
    return total
