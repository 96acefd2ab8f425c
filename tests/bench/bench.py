#!/usr/bin/env python3
"""`make bench`: what Reprise does in a second, how long it takes, what room it needs, each beside the thing that limits it.

    bench.py [--only NAME,...] [--rounds N] [--list]      RP_BENCH_ONLY, RP_BENCH_ROUNDS, RP_BENCH_ROWS, RP_BENCH_DIR do the same

Prints a table and keeps build/bench.json; the run before it is build/bench.last.json, with which it is compared. A figure is the median of its
rounds, and what it is compared with runs in turn with it, so that a busy machine slows both. Nothing here is a test."""
import argparse
import json
import os
import pathlib
import platform
import sys
import time

import parts
import peers
import rig
import size
import speed

BUILD = rig.ROOT / "build"
MEASURES = speed.MEASURES | size.MEASURES | parts.MEASURES | peers.MEASURES


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=os.environ.get("RP_BENCH_ONLY", ""), help="names, with commas between them")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("RP_BENCH_ROUNDS", "3")))
    parser.add_argument("--list", action="store_true")
    return parser.parse_args()


def chosen(only):
    names = [n for n in only.split(",") if n]
    unknown = set(names) - set(MEASURES)
    if unknown:
        sys.exit(f"there is no measure {', '.join(sorted(unknown))}: take of {' '.join(MEASURES)}")
    return names or list(MEASURES)


def human(value, unit):
    if value is None:
        return "-"
    if abs(value) >= 10000:
        text = f"{value:,.0f}"
    elif abs(value) >= 100:
        text = f"{value:.0f}"
    else:
        text = f"{value:.3g}"
    return f"{text} {unit}".strip()


def verdict(row):
    goal = row.get("goal")
    if goal is None:
        return ""
    sign, want = goal
    have = row["ratio"] if row.get("goal_is_ratio") else row["value"]
    if have is None:
        return "?"
    met = have >= want if sign == ">=" else have <= want
    text = f"{sign} {want:g}" + (" x" if row.get("goal_is_ratio") else "")
    return f"{text} {'met' if met else 'MISSED'}"


def change(row, before):
    old = before.get(row["name"])
    if not old or not old.get("value") or row["value"] is None:
        return ""
    return f"{(row['value'] / old['value'] - 1) * 100:+.0f}%"


def line(row, before):
    beside = f"{row['beside']}: {human(row['beside_value'], row['unit'])}" if row.get("beside_value") is not None else row.get("beside") or ""
    ratio = f"{row['ratio']:.2f}" if row.get("ratio") is not None else ""
    return [row["name"], human(row["value"], row["unit"]), verdict(row), beside, ratio, change(row, before)]


def beside_peers(found):
    """A peer's row gets our figure of the same measure beside it; the ratio is how many times ours it does (of times: takes)."""
    ours = {r["name"]: r["value"] for r in found}
    for r in found:
        if r.get("like") in ours:
            r |= {"beside": "Reprise", "beside_value": ours[r["like"]], "ratio": r["value"] / ours[r["like"]]}


HEAD = ["measure", "value", "goal", "beside it", "ratio", "change"]


def show(found, before):
    lines = [HEAD] + [line(r, before) for r in found]
    widths = [max(len(x[i]) for x in lines) for i in range(len(HEAD))]
    for cells in lines:
        print("  ".join(c.ljust(w) for c, w in zip(cells, widths)).rstrip())


def last(path):
    try:
        return {r["name"]: r for r in json.loads(path.read_text())["rows"]}
    except (OSError, ValueError, KeyError):
        return {}


def machine():
    model = next((x.split(":")[1].strip() for x in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), "?")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0], "folder": rig.where(),
            "filesystem": rig.filesystem(rig.where())}


def keep(found, began):
    now, before = BUILD / "bench.json", BUILD / "bench.last.json"
    if now.exists():
        now.replace(before)
    now.write_text(json.dumps({"at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)), "took_s": round(time.time() - began),
                               "machine": machine(), "rows": found}, indent=1) + "\n")


def main():
    args = arguments()
    if args.list:
        print("\n".join(f"{name:12} {(m.__doc__ or '').splitlines()[0]}" for name, m in MEASURES.items()))
        return
    began, found, before = time.time(), [], last(BUILD / "bench.json")
    for name in chosen(args.only):
        at = time.time()
        print(f"== {name} …", file=sys.stderr, flush=True)
        try:
            found += MEASURES[name](args.rounds)
        except rig.Skip as skip:
            print(f"== {name}: skipped: {skip}", file=sys.stderr)
        print(f"== {name}: {time.time() - at:.0f} s", file=sys.stderr, flush=True)
    beside_peers(found)
    keep(found, began)
    show(found, before)


main()
