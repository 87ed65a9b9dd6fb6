// What a Node user would otherwise run: Fastify, csv-writer, pdfkit and prom-client, speaking docs/contract.md.
// `node service.mjs EXPORTS_FOLDER`; prints its address as one JSON line.
import Fastify from "fastify";
import client from "prom-client";
import { randomBytes } from "node:crypto";
import { createReadStream, existsSync, statSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { csvWriter } from "./csv.mjs";
import { pdfkit } from "./pdf.mjs";
import { publish } from "./publish.mjs";

const MAX_RUNNING = 5;
const MAX_WAITING = 100;
const BODY_LIMIT = 256 * 1024 * 1024;
const NAME = /^export_\d+_[a-z0-9]{9}\.(csv|pdf)$/;
const TYPES = { csv: "text/csv; charset=utf-8", pdf: "application/pdf" };
const KEYS = new Set(["format", "data", "columns", "title", "user", "source"]);
const WRITERS = { csv: csvWriter, pdf: pdfkit };

const folder = process.argv[2];
const registry = new client.Registry();
const metric = (kind, name, help, labelNames = [], more = {}) =>
  new client[kind]({ name, help, labelNames, registers: [registry], ...more });
const requests = metric("Counter", "export_requests_total", "Export requests.", ["format", "status", "user"]);
const latency = metric("Histogram", "export_latency_ms", "Arrival to answer.", ["format", "size"], {
  buckets: [5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000],
});
const bytes = metric("Counter", "export_bytes_total", "Bytes of finished files.", ["format", "status"]);
const running = metric("Gauge", "export_concurrent_running", "Exports running now.");
const waiting = metric("Gauge", "export_queue_depth", "Exports waiting now.");
const fails = metric("Counter", "export_fail_total", "Failed exports.", ["reason", "format"]);
const memory = metric("Gauge", "export_memory_bytes", "Peak memory of the process.", ["format"]);
const throughput = metric("Gauge", "export_throughput_ops_per_sec", "Exports a second, last minute.", ["format"]);
const rate = metric("Gauge", "export_success_rate", "Succeeded of finished.", ["format"]);
const counts = {};
for (const format of ["csv", "pdf"]) {
  counts[format] = { good: 0, bad: 0, times: [] };
  for (const status of ["started", "succeeded", "failed", "rejected"]) requests.inc({ format, status, user: "anonymous" }, 0);
  for (const size of ["small", "medium", "large"]) latency.zero({ format, size });
  bytes.inc({ format, status: "success" }, 0);
  fails.inc({ reason: "internal", format }, 0);
  memory.set({ format }, 0);
  rate.set({ format }, 1);
}
requests.inc({ format: "unknown", status: "rejected", user: "anonymous" }, 0);
const users = new Set(["anonymous"]);

function userLabel(user) {
  if (!users.has(user) && users.size >= 100) return "other";
  users.add(user);
  return user;
}

const queue = [];
let active = 0;

async function place() {
  if (active >= MAX_RUNNING) await new Promise((resolve) => queue.push(resolve));
  else active += 1;
}

function leave() {
  const next = queue.shift();
  if (next) next();
  else active -= 1;
}

class Bad extends Error {}

function checked(asked) {
  if (asked === null || typeof asked !== "object" || Array.isArray(asked)) throw new Bad("the body is no JSON object");
  for (const key of Object.keys(asked)) if (!KEYS.has(key)) throw new Bad(`${key} is no known key`);
  if (!(asked.format in WRITERS)) throw new Bad("format must be csv or pdf");
  if (asked.source !== undefined) throw new Bad("source: this service has no database");
  if (!Array.isArray(asked.data)) throw new Bad("data must be an array");
  if (asked.data.some((row) => row === null || typeof row !== "object" || Array.isArray(row)))
    throw new Bad("data must hold objects");
  const columns = asked.columns ?? (asked.format === "pdf" ? Object.keys(asked.data[0] ?? {}) : undefined);
  if (!Array.isArray(columns) || columns.some((name) => typeof name !== "string") || new Set(columns).size !== columns.length)
    throw new Bad("columns must be distinct strings");
  for (const key of ["title", "user"])
    if (asked[key] !== undefined && typeof asked[key] !== "string") throw new Bad(`${key} must be a string`);
  return { ...asked, columns };
}

const app = Fastify({ bodyLimit: BODY_LIMIT });
app.removeContentTypeParser("application/json");
app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => done(null, body));
app.setErrorHandler((error, _request, reply) => {
  const status = error.statusCode ?? 500;
  requests.inc({ format: "unknown", status: "rejected", user: "anonymous" });
  return reply.code(status).send(failed(error.message));
});

const failed = (error) => ({ success: false, error, timestamp: new Date().toISOString() });

app.get("/health", async () => ({ ok: true, ts: Date.now() }));
app.get("/export/status", async () => ({
  status: "ready",
  concurrentExports: active,
  queueDepth: queue.length,
  maxConcurrentExports: MAX_RUNNING,
  timestamp: new Date().toISOString(),
  version: "1.7.0-export-scale",
}));
app.get("/export/metrics", async (_request, reply) => {
  running.set(active);
  waiting.set(queue.length);
  const since = Date.now() - 60_000;
  for (const [format, count] of Object.entries(counts)) {
    count.times = count.times.filter((time) => time >= since);
    throughput.set({ format }, count.times.length / 60);
  }
  return reply.type(registry.contentType).send(await registry.metrics());
});

app.post("/export/run", async (request, reply) => {
  const began = performance.now();
  let asked;
  try {
    asked = checked(JSON.parse(request.body));
  } catch (error) {
    requests.inc({ format: "unknown", status: "rejected", user: "anonymous" });
    return reply.code(400).send(failed(error instanceof Bad ? error.message : "the body is not JSON"));
  }
  const { format } = asked;
  const user = userLabel(asked.user ?? "anonymous");
  if (active >= MAX_RUNNING && queue.length >= MAX_WAITING) {
    requests.inc({ format, status: "rejected", user });
    return reply.code(429).header("Retry-After", "1").send({ ...failed("five run and 100 wait"), queueDepth: queue.length });
  }
  requests.inc({ format, status: "started", user });
  await place();
  const name = `export_${Date.now()}_${randomBytes(12).toString("hex").slice(0, 9)}.${format}`;
  const path = join(folder, name);
  try {
    await WRITERS[format](asked, `${path}.part`);
    publish(`${path}.part`, path);
  } catch {
    await rm(`${path}.part`, { force: true });
    requests.inc({ format, status: "failed", user });
    fails.inc({ reason: "internal", format });
    counts[format].bad += 1;
    return reply.code(500).send(failed("the export failed"));
  } finally {
    leave();
  }
  const count = counts[format];
  count.good += 1;
  count.times.push(Date.now());
  rate.set({ format }, count.good / (count.good + count.bad));
  const size = statSync(path).size;
  const records = asked.data.length;
  const processingTime = performance.now() - began;
  requests.inc({ format, status: "succeeded", user });
  bytes.inc({ format, status: "success" }, size);
  memory.set({ format }, process.memoryUsage().rss);
  latency.observe({ format, size: records < 1000 ? "small" : records < 10000 ? "medium" : "large" }, processingTime);
  return {
    success: true,
    result: { success: true, bytes: size, filename: `exports/${name}`, downloadUrl: `/export/files/${name}` },
    processingTime,
    records,
    timestamp: new Date().toISOString(),
  };
});

const found = (name) => NAME.test(name) && existsSync(join(folder, name));
app.get("/export/files/:name", async (request, reply) => {
  const { name } = request.params;
  if (!found(name)) return reply.code(404).send(failed("there is no such file"));
  return reply
    .type(TYPES[name.slice(-3)])
    .header("Content-Length", statSync(join(folder, name)).size)
    .header("Content-Disposition", `attachment; filename="${name}"`)
    .send(createReadStream(join(folder, name)));
});
app.get("/export/download/:name", async (request, reply) => {
  const { name } = request.params;
  if (!found(name)) return reply.code(404).send(failed("there is no such file"));
  return { downloadUrl: `/export/files/${name}`, status: "ready", timestamp: new Date().toISOString() };
});

await app.listen({ host: "127.0.0.1", port: 0 });
const { address, port } = app.server.address();
process.stdout.write(`${JSON.stringify({ event: "listening", url: `http://${address}:${port}` })}\n`);
process.on("SIGTERM", () => app.close().then(() => process.exit(0)));
