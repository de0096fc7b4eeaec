"""The waterfall once more, as a DuckDB query over the exported rows, on one thread.

Arguments: the CSV file, the business date, the number of runs. Prints the best and the median
time in microseconds, then for each cut (month's end, or business date) what was earned since the
cut before, in minor units.
"""

import sys
import time

import duckdb

ROWS = """
CREATE TABLE versions AS SELECT * FROM read_csv(?, header = true, columns = {
    'from_day': 'DATE', 'until_day': 'DATE', 'start_day': 'DATE', 'end_day': 'DATE',
    'amount': 'BIGINT', 'recognised': 'BIGINT', 'basis': 'VARCHAR'})
"""

# The days through which the question is asked: each month's end, and the business date.
CUTS = """
CREATE TABLE cuts AS
SELECT DISTINCT day, CAST(date_trunc('month', day) AS DATE) AS first, last_day(day) AS last
FROM (
    SELECT last_day(CAST(unnest(generate_series(
        date_trunc('month', (SELECT min(least(from_day, start_day)) FROM versions)),
        date_trunc('month', (SELECT max(greatest(from_day, end_day)) FROM versions)),
        INTERVAL 1 MONTH)) AS DATE)) AS day
    UNION ALL SELECT CAST(? AS DATE)
)
"""

# amount * part / whole in whole minor units, half to even.
SHARE = """
CREATE MACRO share(amount, part, whole) AS
    sign(amount) * (
        abs(amount) * part // whole
        + CASE
            WHEN abs(amount) * part % whole * 2 > whole THEN 1
            WHEN abs(amount) * part % whole * 2 = whole THEN abs(amount) * part // whole % 2
            ELSE 0
          END)
"""

# What is spread is looked at only between a version's start and its end; what is the same from
# some day on is a step on that day.
QUERY = """
WITH terms AS (
    SELECT amount, basis, start_day, end_day, end_day - start_day + 1 AS days,
        date_diff('month', start_day, end_day) AS months,
        -- A month counts where it has begun by the end: on the start's day of the month.
        months + CASE
            WHEN start_day + to_months(CAST(months AS INTEGER)) <= end_day THEN 1 ELSE 0
        END AS begun,
        greatest(from_day, start_day) AS first_day, least(until_day, end_day) AS past_day
    FROM versions
), parts AS (
    SELECT cuts.day, terms.amount, basis,
        days, cuts.day - start_day + 1 AS days_through,
        begun, date_diff('month', start_day, cuts.day) AS month,
        CASE WHEN month + 1 <= begun THEN 1 ELSE 0 END AS weight,
        least(cuts.last, end_day) - greatest(cuts.first, start_day) + 1 AS days_of_month,
        cuts.day - greatest(cuts.first, start_day) + 1 AS days_in_month
    FROM terms JOIN cuts ON cuts.day >= first_day AND cuts.day < past_day
), spread AS (
    SELECT day, sum(
        CASE basis
            WHEN 'day' THEN share(amount, days_through, days)
            ELSE share(amount, month * days_of_month + weight * days_in_month,
                begun * days_of_month)
        END) AS earned
    FROM parts GROUP BY day
), steps AS (
    SELECT day, sum(units) AS units FROM (
        SELECT from_day AS day, recognised AS units FROM versions
        UNION ALL
        SELECT greatest(from_day, least(end_day, until_day)), amount FROM versions
        UNION ALL
        SELECT until_day, -recognised - amount FROM versions
    ) GROUP BY day
), fixed AS (
    SELECT cuts.day, sum(units) AS earned
    FROM cuts JOIN steps ON steps.day <= cuts.day GROUP BY cuts.day
), through AS (
    SELECT cuts.day, coalesce(spread.earned, 0) + coalesce(fixed.earned, 0) AS earned
    FROM cuts LEFT JOIN spread USING (day) LEFT JOIN fixed USING (day)
)
SELECT day, CAST(earned - coalesce(lag(earned) OVER (ORDER BY day), 0) AS HUGEINT)
FROM through ORDER BY day
"""


def main():
    path, as_of, runs = sys.argv[1], sys.argv[2], int(sys.argv[3])
    connection = duckdb.connect()
    connection.execute("SET threads = 1")
    connection.execute(ROWS, [path])
    connection.execute(CUTS, [as_of])
    connection.execute(SHARE)
    times, rows = [], []
    for _ in range(runs):
        begin = time.perf_counter_ns()
        rows = connection.execute(QUERY).fetchall()
        times.append((time.perf_counter_ns() - begin) // 1000)
    times.sort()
    print(duckdb.__version__, times[0], times[len(times) // 2])
    for day, units in rows:
        print(day, units)


main()
