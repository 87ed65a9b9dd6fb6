"""Recompute a bundle's main figures from its raw record, with Python's standard library (3.11 or later) alone.

    python recompute.py DIR

Exit code 0 where manifest, figures, six assertions and colour are what the raw files give; 1 with a line for each that
is not; 2 where DIR is no bundle. This program shares no code with the harness that wrote the bundle.
"""

import contextlib
import hashlib
import json
import lzma
import math
import operator
import pathlib
import re
import sys
import tomllib

OPTIONAL = """concurrency-agree queue-agree leftovers files-present service-log shutdown package
prometheus-scrape prometheus-panels prometheus-rules prometheus-alerts panels-drawn alerts-replayed"""
NINE = "requests latency_ms bytes concurrent_running queue_depth fail memory_bytes throughput_ops_per_sec success_rate"
PAGE = """latency_sum_ms,export_latency_ms_sum, latency_count,export_latency_ms_count,
succeeded,export_requests_total,status="succeeded" failed,export_requests_total,status="failed"
running,export_concurrent_running, waiting,export_queue_depth, bytes,export_bytes_total,status="success" """
SAMPLE = re.compile(r"([A-Za-z_:][\w:]*)(?:\{(.*)\})?[ \t]+(\S+)(?:[ \t]+\S+)?(?:[ \t]+#.*)?")
LABEL = re.compile(r'([A-Za-z_]\w*)="((?:[^"\\]|\\.)*)"')
BEFORE = {"warmup": [], "measure": ["latency", "throughput", "memory"], "sequence": ["batch", "memory"]}
MAIN = ("smoke", "load", "batch")
HOLDS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


class Recompute:
    def __init__(self, folder):
        self.folder, self.problems, self.figures = folder, [], 0
        self.verdict = json.loads(read(folder / "verdict.json"))
        limits = tomllib.loads(read(folder / "limits.toml").decode())
        self.limits = {limit["id"]: limit for limit in limits.get("limit", [])}
        self.said = {f"{one['scenario']}/{one['id']}": one for one in self.verdict["verdicts"]}
        folders = [path.parent for path in sorted(folder.glob("*/scenario.json"))]
        self.scenarios, self.unread = {}, []
        for one in folders:
            try:
                self.scenarios[one.name] = Scenario(one)
            except Exception:
                self.unread.append(one.name)
        self.three = [self.scenarios[name] for name in MAIN if name in self.scenarios]

    def compare(self, what, mine, told):
        self.figures += 1
        numbers = isinstance(mine, int | float) and isinstance(told, int | float)
        if not (math.isclose(mine, told, rel_tol=1e-9, abs_tol=1e-9) if numbers else mine == told):
            self.problems.append(f"{what}: the bundle says {told}, the raw record gives {mine}")

    def judge(self, key, mine, limit=None):
        judgement, bound = self.said[key]["judgement"], self.limits.get(limit)
        told = judgement["readings"][0]["value"] if judgement["readings"] else None
        good = [v is not None and (not bound or HOLDS[bound["op"]](v, bound["target"])) for v in (mine, told)]
        if judgement["status"] == "PASS" or good[1]:  # of a FAIL the reading may be that of one format
            self.compare(key, mine, told)
        if judgement["status"] == "PASS" and not good[0]:
            self.problems.append(f"{key}: PASS, but {mine} is not within the limit")

    def check(self):
        for name in "manifest latencies success peaks times memory page words".split():
            try:
                getattr(self, name)()
            except Exception as error:
                self.problems.append(f"{name} can't be recomputed: {type(error).__name__}: {error}")

    def manifest(self):
        listed = json.loads(read(self.folder / "manifest.json"))["artifacts"]
        names = [one["path"] for one in listed]
        self.compare("paths in the manifest", len(set(names)), len(names))
        paths = (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())
        there = {path.relative_to(self.folder).as_posix(): path for path in paths}
        for name in sorted(set(there) - {"attestation.json"} ^ {*names, "manifest.json"}):
            self.problems.append(f"{name} is " + ("not in the manifest" if name in there else "missing"))
        for one in (one for one in listed if one["path"] in there):
            if (one["bytes"], one["sha256"]) != size_and_sha256(there[one["path"]]):
                self.problems.append(f"{one['path']} is not the file that the manifest says")

    def latencies(self):
        self.latency("smoke", "smoke/smoke-latency", 0, "smoke_latency_ms")
        self.latency("load", "load/latency-outside", 10_000, "latency_p95_ms")
        if "load" in self.scenarios:
            done = [hit for hit in self.scenarios["load"].well_formed if hit["status"] == 200]
            times = [as_object(hit["answer"]).get("processingTime") for hit in done if (hit["records"] or 0) >= 10_000]
            if all(type(value) in (int, float) for value in times):
                self.judge("load/latency-target", p95(times), "latency_p95_ms")

    def latency(self, name, key, records, limit):
        hits = self.scenarios[name].exports("latency") if name in self.scenarios else []
        ended = [hit for hit in hits if hit["status"] == 200 or hit["error"] == "timeout"]
        times = [(hit["end"] - hit["intended"]) * 1000 for hit in ended if (hit["records"] or 0) >= records]
        if name in self.scenarios:
            self.judge(key, p95(times), limit)

    def success(self):
        asked = [hit for one in self.three for hit in one.well_formed if not one.beyond_limits(hit)]
        done = sum(hit["status"] == 200 for hit in asked)
        self.judge("run/success-outside", done / len(asked) if asked else None, "success_ratio")
        succeeded = failed = 0.0
        for one in self.three:
            ok, bad = (one.delta("export_requests_total", status=status) for status in ("succeeded", "failed"))
            if ok is not None:
                interrupted = sum(hit["error"] == "interrupted" for hit in one.posts)
                succeeded, failed = succeeded + ok, failed + max((bad or 0.0) - interrupted, min(bad or 0.0, 0.0))
        ended = round(succeeded + failed)
        self.judge("run/success-target", round(succeeded) / ended if ended > 0 else None, "success_ratio")

    def peaks(self):
        running, waiting = [], []
        for one in self.three:
            pages = [(page.total("export_concurrent_running"), page.total("export_queue_depth")) for page in one.pages]
            pages += [tuple(body.get(key) for key in ("concurrentExports", "queueDepth")) for body in one.statuses]
            pages = [tuple(value if type(value) in (int, float) else None for value in page) for page in pages]
            free = [slots(runs, waits) for runs, waits in pages]
            running += [math.inf if math.isnan(runs) else runs for runs, _ in pages if runs is not None]
            seen = [(waits, now) for (_, waits), now in zip(pages, free, strict=True) if waits is not None]
            refused = [as_object(hit["answer"]).get("queueDepth") for hit in one.posts if hit["status"] == 429]
            seen += [(waits, max(free, default=0)) for waits in refused if type(waits) in (int, float)]
            waiting += [math.inf if math.isnan(waits) else waits - now for waits, now in seen]
        self.judge("run/concurrency-target", max(running, default=None), "concurrent_exports")
        self.judge("run/queue-target", max(waiting, default=None), "queue_depth")
        added = [one.delta("export_bytes_total", status="success") for one in self.three]
        self.judge("run/bytes-target", None if None in added or not added else sum(added), "exported_bytes")
        sizes = [fetch["bytes"] for one in self.three for fetch in one.fetched.values() if fetch["status"] == 200]
        self.judge("run/bytes-outside", sum(sizes) if sizes else None, "exported_bytes")

    def times(self):
        if "batch" in self.scenarios:
            hits = self.scenarios["batch"].exports("batch")
            self.judge("batch/batch", sum(hit["end"] - hit["start"] for hit in hits), "batch_s")
        if "load" in self.scenarios:
            load, rates = self.scenarios["load"], []
            for phase in load.phases_for("throughput"):
                hits = [hit for hit in load.well_formed if hit["phase"] == phase]
                done = sum(hit["status"] == 200 for hit in hits)
                rates += [done / (max(hit["end"] for hit in hits) - min(hit["start"] for hit in hits))] if done else []
            self.judge("load/throughput", min(rates, default=None), "throughput_per_s")

    def memory(self):
        for one in self.three:
            gauges = [page.total("export_memory_bytes", format=fmt) for page in one.pages for fmt in ("csv", "pdf")]
            most = max((value for value in gauges if value is not None), default=None)
            self.judge(f"{one.name}/memory-gauge", most, "memory_bytes")
            judgement = self.said[f"{one.name}/memory"]["judgement"]
            told = judgement["readings"][0]["value"] if judgement["readings"] else None
            # a phase's highest sample beside those at rest, by the exports at once, is less than the figure
            if judgement["status"] == "PASS" and (told is None or told + 1 < one.least_memory()):
                self.problems.append(f"{one.name}/memory: {told} bytes, its samples show {one.least_memory()} or more")

    def page(self):
        told = self.verdict["page"]
        read_last = [one for one in self.scenarios.values() if one.pages]
        one = max(read_last, key=lambda found: found.pages[-1].start, default=None)
        self.compare("last page", one and f"{one.name}/scrapes.jsonl", told["source"])
        for key, series, labels in (entry.split(",") for entry in PAGE.split()):
            mine = one and one.pages[-1].total(series, **dict(LABEL.findall(labels)))
            self.compare(f"last page, {key}", mine, told[key])
        self.compare("last page, families", one.pages[-1].families if one else 0, told["families_found"])

    def words(self):
        for one in self.verdict["assertions"]:
            rested = [self.said[key] for key in one["verdicts"]]
            self.compare(f"assertion {one['title']}", worst(rested), one["status"])
        for key, one in self.said.items():
            if one["scenario"] in self.unread:
                self.compare(f"{key}, whose record can't be read", "NO DATA", one["judgement"]["status"])
        mine = {"FAIL": "RED", "PASS": "GREEN", "NO DATA": "NO DATA"}[worst(self.verdict["verdicts"])]
        mine = "NO DATA" if mine == "GREEN" and json.loads(read(self.folder / "run.json")).get("incidents") else mine
        self.compare("colour", mine, self.verdict["colour"])
        first = read(self.folder / "GREEN_EVIDENCE_v1.7.md").decode().split("\n", 1)[0]
        for text in (self.verdict["headline"], first.removeprefix("# ")):
            self.compare("first word", mine, text[: len(mine)])


class Page:
    def __init__(self, scrape):
        self.start, self.moment = scrape["start"], scrape["moment"]
        found = (SAMPLE.fullmatch(line.strip()) for line in scrape["text"].splitlines() if not line.startswith("#"))
        self.series = [(one[1], dict(LABEL.findall(one[2] or "")), float(one[3])) for one in found if one]
        types = re.findall(r"^# TYPE export_(\S+) ", scrape["text"], re.MULTILINE)
        self.families = len({re.sub("_total$|_bucket$", "", name) for name in types} & set(NINE.split()))

    def total(self, name, **labels):
        names = {name, name.replace("_ms_", "_ms_bucket_")}
        found = [value for series, has, value in self.series if series in names and labels.items() <= has.items()]
        return sum(found) if found else None


class Scenario:
    def __init__(self, folder):
        self.name, self.plan = folder.name, json.loads(read(folder / "plan.json"))
        self.runs = json.loads(read(folder / "scenario.json"))["phases"]
        end = min((run["start"] for run in self.runs if run["name"] == "disconnects" and run["recorded"]), default=1e99)
        posts = [one for one in lines(folder / "hits.jsonl") if one["method"] + one["path"][-11:] == "POST/export/run"]
        self.posts = [hit for hit in posts if hit["phase"] != "disconnects"]
        self.well_formed = [hit for hit in self.posts if hit["phase"] not in ("behaviour", "refusals")]
        self.fetched = {one["hit"]: one for one in lines(folder / "fetches.jsonl") if one["purpose"] == "file"}
        read_well = (one for one in lines(folder / "scrapes.jsonl") if one["end"] <= end and one["status"] == 200)
        needed = read_well if folder.name in MAIN else [max(read_well, key=operator.itemgetter("start"), default=None)]
        self.pages = sorted(map(Page, filter(None, needed)), key=operator.attrgetter("start"))
        self.probes = [one for one in lines(folder / "probes.jsonl") if one["at"] <= end and one["processes"]]
        for probe in self.probes:
            probe["bytes"] = sum(one["uss_bytes"] or one["rss_bytes"] for one in probe["processes"])
        calls = [one for one in lines(folder / "health.jsonl") if one["end"] <= end and one["status"] == 200]
        self.statuses = [as_object(one["answer"]) for one in calls if one["path"].endswith("/export/status")]

    def phases_for(self, purpose):
        judged = {one["name"]: one["judge"] for one in self.plan["phases"]}
        judged |= {name: BEFORE.get(name, ["memory"]) for name in judged if judged[name] is None}
        return [name for name in judged if purpose in judged[name]]

    def exports(self, purpose):
        return [hit for hit in self.well_formed if hit["phase"] in self.phases_for(purpose)]

    def delta(self, name, **labels):
        before, after = ([page for page in self.pages if page.moment == moment] for moment in ("before", "after"))
        now = after[-1].total(name, **labels) if before and after else None
        return None if now is None else now - (before[-1].total(name, **labels) or 0.0)

    def beyond_limits(self, hit):
        if hit["status"] != 429:
            return False
        gauge = [page.total("export_concurrent_running") for page in self.pages]
        most = round(min(5, max((1.0, *(runs for runs in gauge if runs is not None))))) if any(gauge) else 5
        posts = [one for one in self.posts if one["status"] not in (400, 413, 429, 503)]
        return sum(one["start"] <= hit["end"] and one["end"] >= hit["start"] for one in posts) >= most + 100

    def least_memory(self):
        plans = {one["name"]: one for one in self.plan["phases"]}
        clients = {name: 1 if one["mode"] in ("sequence", "probe") else one["clients"] for name, one in plans.items()}
        crowd = min((run["start"] for run in self.runs if clients.get(run["name"], 1) > 5), default=math.inf)
        least = 0.0
        for run in (run for run in self.runs if run["name"] in self.phases_for("memory") and run["start"] < crowd):
            during = [one["bytes"] for one in self.probes if run["start"] <= one["at"] <= run["end"]]
            before = [one["bytes"] for one in self.probes if one["resting"] and one["at"] <= run["start"]]
            behind = [one["bytes"] for one in self.probes if one["resting"] and one["at"] >= run["end"]]
            if during and before:
                rest = max(before[-1], (behind or before[-1:])[0])
                least = max(least, (max(during) - rest) / min(5, max(1, clients[run["name"]])))
        return least


def read(path):
    if path.is_symlink() or not path.is_file() or path.stat().st_size > 2**29:
        raise ValueError(f"{path.name} is missing, no regular file, or too large")
    return path.read_bytes()


def lines(path):
    packed = path.with_name(f"{path.name}.xz")
    with path.open("rb") if path.exists() else lzma.open(packed) as file:
        yield from map(json.loads, iter(lambda: file.readline(2**26), b""))


def size_and_sha256(path):
    with path.open("rb") as file:
        return path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def p95(values):
    return sorted(values)[max(1, math.ceil(0.95 * len(values) - 1e-9)) - 1] if values else None  # nearest rank


def slots(runs, waits):
    free = runs is not None and waits is not None and runs < 5 and 100 < waits < math.inf
    return min(5 - max(runs, 0.0), waits - 100) if free else 0.0  # those that wait and have a free slot


def as_object(text):
    with contextlib.suppress(ValueError, RecursionError):
        return body if isinstance(body := json.loads(text or ""), dict) else {}
    return {}


def worst(verdicts):
    if any(one["judgement"]["status"] == "FAIL" for one in verdicts):
        return "FAIL"
    open_ = [one for one in verdicts if one["judgement"]["status"] == "NO DATA" and one["waived"] is None]
    lacking = [one for one in open_ if one["judgement"]["waiting"] or one["id"] not in OPTIONAL.split()]
    return "NO DATA" if lacking else "PASS"


def main(words):
    try:
        bundle = Recompute(pathlib.Path(*words))
    except Exception as error:
        print(f"{type(error).__name__}: {error}\n{__doc__}")
        return 2
    bundle.check()
    agreed = f"{bundle.figures} figures and hashes are what the raw files give: {bundle.verdict['headline']}"
    print("\n".join(bundle.problems) or agreed)
    return 1 if bundle.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
