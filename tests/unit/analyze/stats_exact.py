#!/usr/bin/env python3
"""Makes stats_exact.tsv: p values for stats_test.c, by whole numbers and exact fractions.

Fisher, two-sided: the sum of C(r, x) C(n - r, k - x) over all x whose product is at most that of the table, over C(n, k). No
logarithm and no floating point before the last step. Chi-square with Yates: the statistic as a fraction, then the upper tail of
the chi-square distribution with one degree of freedom, erfc(sqrt(x / 2)), by its continued fraction (or series, for small x) in
60 digits of decimal arithmetic.

    stats_exact.py > stats_exact.tsv"""
from decimal import Decimal, getcontext
from fractions import Fraction
from math import comb
import random

getcontext().prec = 60
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494")


def log(fraction):
    return (Decimal(fraction.numerator) / Decimal(fraction.denominator)).ln()


def fisher(a, b, c, d):
    r, k, n = a + b, a + c, a + b + c + d
    weight = lambda x: comb(r, x) * comb(n - r, k - x)
    own = weight(a)
    rare = sum(w for w in map(weight, range(max(0, k - (n - r)), min(r, k) + 1)) if w <= own)
    return log(Fraction(rare, comb(n, k)))


def log_erfc(square):
    """log(erfc(sqrt(square)))"""
    z = square.sqrt()
    if square < 4:
        term = total = z
        for i in range(1, 200):
            term = -term * square / i
            total += term / (2 * i + 1)
        return (1 - 2 / PI.sqrt() * total).ln()
    tail = Decimal(0)
    for i in range(400, 0, -1):
        tail = Decimal(i) / 2 / (z + tail)
    return -square - ((z + tail) * PI.sqrt()).ln()


def chi2(a, b, c, d):
    n = a + b + c + d
    z = max(Fraction(0), abs(a * d - b * c) - Fraction(n, 2))
    x = n * z * z / ((a + b) * (c + d) * (a + c) * (b + d))
    return log_erfc(Decimal(x.numerator) / Decimal(x.denominator) / 2) if x > 0 else Decimal(0)


def tables():
    yield from [(8, 2, 1, 5), (3, 1, 1, 3), (0, 20, 30, 5000), (20, 0, 30, 5000), (5, 5, 5, 5), (1, 0, 0, 1), (0, 7, 0, 9),
                (1579, 114, 291, 5271), (129, 264, 158, 6361), (26, 3, 71, 6812), (4, 25, 43, 6840), (100, 9900, 1000, 989000)]
    seed = random.Random(20261126)
    for size in (5, 20, 60, 300, 1500):
        for _ in range(12):
            yield tuple(seed.randrange(size) + (i == 1) for i in range(4))


print("failed_in\trest_in\tfailed_out\trest_out\tlog_p_fisher\tlog_p_chi2")
for a, b, c, d in tables():
    margins = (a + b) * (c + d) * (a + c) * (b + d)
    print(f"{a}\t{b}\t{c}\t{d}\t{fisher(a, b, c, d):.15e}\t{chi2(a, b, c, d) if margins else Decimal(0):.15e}")
