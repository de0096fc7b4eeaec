"""Days, months, billing periods, proration and the six recognition bases, one day at a time.

A day is its number (`date.toordinal`), a month its number since the year 0, so that both can be
added to and compared. Weights are whole numbers and shares are fractions: nothing is rounded here.
"""

import calendar
import datetime
import functools
import itertools
import math
from fractions import Fraction

FOREVER = datetime.date.max.toordinal()
MONTHS = {"month": 1, "quarter": 3, "year": 12}


def parse(text):
    """The day of an ISO date."""
    return datetime.date.fromisoformat(text).toordinal()


def show(day):
    """The ISO date of a day."""
    return datetime.date.fromordinal(day).isoformat()


@functools.cache
def split(day):
    """The month of a day, and its day of the month."""
    date = datetime.date.fromordinal(day)
    return date.year * 12 + date.month - 1, date.day


def month_of(day):
    return split(day)[0]


@functools.cache
def month_length(month):
    return calendar.monthrange(month // 12, month % 12 + 1)[1]


@functools.cache
def month_first(month):
    return datetime.date(month // 12, month % 12 + 1, 1).toordinal()


def month_last(month):
    return month_first(month) + month_length(month) - 1


def in_month(month, month_day):
    """A day of a month; where the month is too short for it, its last."""
    return month_first(month) + min(month_day, month_length(month)) - 1


def is_month_end(day):
    month, month_day = split(day)
    return month_day == month_length(month)


def add_months(day, months):
    """The same day of a later month; where that month is too short, its last day."""
    month, month_day = split(day)
    return in_month(month + months, month_day)


class Grid:
    """Where the periods of a recurring price begin (accounting, section 4; readings, 9 and 10)."""

    def __init__(self, months, start, anchor, month_end):
        self.months = months
        if isinstance(anchor, int):
            self.month, start_day = split(start)
            self.month_day = anchor
            if min(anchor, month_length(self.month)) < start_day:
                self.month += 1
        else:
            origin = parse(anchor) if anchor else start
            self.month, self.month_day = split(origin)
            if month_end == "stick" and is_month_end(origin):
                self.month_day = 31

    def boundary(self, number):
        return in_month(self.month + number * self.months, self.month_day)

    def around(self, day):
        """The first and the last day of the whole period that a day lies in."""
        number = (month_of(day) - self.month) // self.months
        if self.boundary(number) > day:
            number -= 1
        return self.boundary(number), self.boundary(number + 1) - 1


def months_and_rest(first, last):
    """How many whole months begin on a day, and the days after them."""
    months = 0
    while add_months(first, months + 1) - 1 <= last:
        months += 1
    return months, range(add_months(first, months), last + 1)


def position_360(day):
    """A day's place in a calendar of twelve months of thirty days."""
    month, month_day = split(day)
    return month * 30 + (30 if is_month_end(day) else min(month_day, 30))


def measure(policy, first, last):
    """The length of a part of a period, in the unit of the policy (readings, 7 and 49)."""
    if policy == "actual_period":
        return Fraction(last - first + 1)
    if policy == "strict_30_360":
        return Fraction(position_360(last + 1) - position_360(first), 30)
    months, rest = months_and_rest(first, last)
    if policy == "fixed_30":
        return months + Fraction(len(rest), 30)
    return months + sum(Fraction(1, month_length(month_of(day))) for day in rest)


def share(policy, part, whole, months):
    """What a part of a period costs of the whole one; a whole one is never prorated."""
    if part == whole or policy == "none":
        return Fraction(1)
    if policy == "actual_period" or not months:
        return measure(policy, *part) / measure(policy, *whole)
    return measure(policy, *part) / months


def month_weights(basis, start, end):
    """The weight of each calendar month of a term: (days of service in it, weight)."""
    months = range(month_of(start), month_of(end) + 1)
    served = [
        (max(start, month_first(month)), min(end, month_last(month))) for month in months
    ]
    days = [last - first + 1 for first, last in served]
    whole = [length == month_length(month) for length, month in zip(days, months)]
    if basis == "day":
        weights = days
    elif basis == "month_even":
        starts = itertools.takewhile(
            lambda day: day <= end, (add_months(start, number) for number in itertools.count())
        )
        started = {month_of(day) for day in starts}
        weights = [int(month in started) for month in months]
    elif basis == "month_even_prorated_ends":
        weights = [Fraction(n, month_length(month)) for n, month in zip(days, months)]
    elif basis == "month_even_daily_ends":
        total = end - start + 1
        in_ends = sum(n for n, is_whole in zip(days, whole) if not is_whole)
        each = Fraction(total - in_ends, total * max(1, sum(whole)))
        weights = [each if is_whole else Fraction(n, total) for n, is_whole in zip(days, whole)]
    elif basis == "half_month":
        weights = [1 if is_whole else Fraction(1, 2) for is_whole in whole]
    elif basis == "full_month":
        weights = [1 for _ in months]
        if len(weights) > 1 and not is_month_end(end):
            weights[-1] = 0
    else:
        raise ValueError(basis)
    return list(zip(days, weights))


@functools.lru_cache(maxsize=200_000)
def weight_sums(basis, start, end):
    """The weight of a term through each of its days, as whole numbers of a common unit."""
    months = month_weights(basis, start, end)
    of_a_day = [(days, Fraction(weight) / days) for days, weight in months]
    unit = math.lcm(*(weight.denominator for _, weight in of_a_day))
    daily = (
        itertools.repeat(weight.numerator * (unit // weight.denominator), days)
        for days, weight in of_a_day
    )
    return list(itertools.accumulate(itertools.chain.from_iterable(daily)))


def progress(basis, start, end, day):
    """The part of a term that is over at the end of a day; an empty term is over at once."""
    if end < start:
        return Fraction(1)
    if day < start:
        return Fraction(0)
    sums = weight_sums(basis, start, end)
    return Fraction(sums[min(day, end) - start], sums[-1])
