#!/usr/bin/env python3
"""`make bench`: what Reprise does in a second, how long it takes, what room it needs, each beside the thing that limits it.

    bench.py [--only NAME,...] [--rounds N] [--list]      RP_BENCH_ONLY, RP_BENCH_ROUNDS, RP_BENCH_ROWS, RP_BENCH_DIR do the same

Prints a table and keeps build/bench.json, with the newest row of every measure; what it was before is build/bench.last.json, with which
a run is compared. A figure is the median of its rounds, and what it is compared with runs in turn with it, so that a busy machine slows
both; "cpu" is the processor time of the server a job (and of what is beside it), which a busy machine changes least. Not a test."""
import argparse
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

import parts
import peers
import replays
import rig
import size
import speed

BUILD = rig.ROOT / "build"
MEASURES = speed.MEASURES | size.MEASURES | parts.MEASURES | replays.MEASURES | peers.MEASURES


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=os.environ.get("RP_BENCH_ONLY", ""), help="names, with commas between them")
    parser.add_argument("--rounds", type=int, default=int(os.environ.get("RP_BENCH_ROUNDS", "3")))
    parser.add_argument("--list", action="store_true", help="names the measures")
    parser.add_argument("--markdown", action="store_true", help="prints the rows that were kept, for docs/performance.md")
    return parser.parse_args()


def chosen(only):
    names = [n for n in only.split(",") if n]
    unknown = set(names) - set(MEASURES)
    if unknown:
        sys.exit(f"there is no measure {', '.join(sorted(unknown))}: take of {' '.join(MEASURES)}")
    return names or list(MEASURES)


def number(value):
    if abs(value) >= 10000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def human(value, unit):
    return "-" if value is None else f"{number(value)} {unit}".strip()


def verdict(row):
    goal = row.get("goal")
    if goal is None:
        return ""
    sign, want = goal
    have = row["ratio"] if row.get("goal_is_ratio") else row["value"]
    if have is None:
        return "?"
    met = have >= want if sign == ">=" else have <= want
    text = f"{sign} {number(want)}" + (" x" if row.get("goal_is_ratio") else "")
    return f"{text} {'met' if met else 'MISSED'}"


def change(row, before):
    old = before.get(row["name"])
    if not old or not old.get("value") or row["value"] is None:
        return ""
    return f"{(row['value'] / old['value'] - 1) * 100:+.0f}%"


def line(row, before):
    beside = f"{row['beside']}: {human(row['beside_value'], row['unit'])}" if row.get("beside_value") is not None else row.get("beside") or ""
    ratio = f"{row['ratio']:.2f}" if row.get("ratio") is not None else ""
    cpu = " / ".join(f"{row[k]:.3g}" for k in ("cpu_us_a_job", "beside_cpu_us_a_job") if row.get(k) is not None)
    return [row["name"], human(row["value"], row["unit"]), verdict(row), beside, ratio, cpu, change(row, before)]


def beside_peers(found):
    """A peer's row gets our figure of the same measure beside it; the ratio is how many times ours it does (of times: takes)."""
    ours = {r["name"]: r["value"] for r in found}
    for r in found:
        if r.get("like") in ours:
            r |= {"beside": "Reprise", "beside_value": ours[r["like"]], "ratio": r["value"] / ours[r["like"]]}


HEAD = ["measure", "value", "goal", "beside it", "ratio", "cpu us/job", "change"]


def show(found, before):
    lines = [HEAD] + [line(r, before) for r in found]
    widths = [max(len(x[i]) for x in lines) for i in range(len(HEAD))]
    for cells in lines:
        print("  ".join(c.ljust(w) for c, w in zip(cells, widths)).rstrip())


def markdown(kept):
    print("| " + " | ".join(HEAD[:-1]) + " |\n|" + " --- |" * (len(HEAD) - 1))
    for r in kept:
        print("| " + " | ".join(line(r, {})[:-1]) + " |")


def last():
    try:
        return {r["name"]: r for r in json.loads((BUILD / "bench.json").read_text())["rows"]}
    except (OSError, ValueError, KeyError):
        return {}


def machine():
    model = next((x.split(":")[1].strip() for x in pathlib.Path("/proc/cpuinfo").read_text().splitlines() if x.startswith("model name")), "?")
    return {"cpu": model, "cores": os.cpu_count(), "kernel": platform.release(), "load": os.getloadavg()[0], "folder": rig.where(),
            "filesystem": rig.filesystem(rig.where())}


def keep(found, before, began):
    now = BUILD / "bench.json"
    if now.exists():
        now.replace(BUILD / "bench.last.json")
    again = {r["name"] for r in found}
    rows = found + [r for name, r in before.items() if name not in again]
    now.write_text(json.dumps({"at": stamp(began), "took_s": round(time.time() - began), "machine": machine(), "rows": rows}, indent=1) + "\n")


def stamp(at):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def measured(name, rounds):
    """Its rows, and whether it went well: what goes wrong with one measure does not lose the others."""
    at = time.time()
    print(f"== {name} …", file=sys.stderr, flush=True)
    try:
        rows = [r | {"measure": name, "at": stamp(at), "load": os.getloadavg()[0]} for r in MEASURES[name](rounds)]
        print(f"== {name}: {time.time() - at:.0f} s", file=sys.stderr, flush=True)
        return rows, True
    except rig.Skip as skip:
        print(f"== {name}: skipped: {skip}", file=sys.stderr)
        return [], True
    except (AssertionError, RuntimeError, OSError, ValueError, subprocess.SubprocessError) as error:
        print(f"== {name}: failed: {error}", file=sys.stderr)
        return [], False


def main():
    args = arguments()
    if args.list:
        print("\n".join(f"{name:12} {(m.__doc__ or '').splitlines()[0]}" for name, m in MEASURES.items()))
        return 0
    began, found, well, before = time.time(), [], True, last()
    if args.markdown:
        markdown(before.values())
        return 0
    for name in chosen(args.only):
        rows, ok = measured(name, args.rounds)
        found, well = found + rows, well and ok
    beside_peers(found)
    keep(found, before, began)
    show(found, before)
    if found and max(r["load"] for r in found) > os.cpu_count():
        print(f"The machine was busy (load {max(r['load'] for r in found):.0f} on {os.cpu_count()} cores): rates and times are those of what was left of "
              "it, and even ratios are rough. The processor time a job is not.")
    return 0 if well else 1


sys.exit(main())
