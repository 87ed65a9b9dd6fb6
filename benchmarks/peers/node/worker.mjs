// Runs laps when asked: `node worker.mjs RUNNER BODY OUT`; each line of input is one lap, each answer one JSON object.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { csvStringify, csvWriter } from "./csv.mjs";
import { pdfkit } from "./pdf.mjs";
import { publish } from "./publish.mjs";

const RUNNERS = { "csv-stringify": csvStringify, "csv-writer": csvWriter, pdfkit };

const [name, bodyPath, out] = process.argv.slice(2);
const run = RUNNERS[name];
if (run === undefined) throw new Error(`expected one of ${Object.keys(RUNNERS)}, got ${name}`);
const body = readFileSync(bodyPath);
const say = (answer) => process.stdout.write(`${JSON.stringify(answer)}\n`);

say({ ready: true });
for await (const _ of createInterface({ input: process.stdin })) {
  try {
    const cpu = process.cpuUsage();
    const began = process.hrtime.bigint();
    await run(JSON.parse(body), `${out}.part`);
    publish(`${out}.part`, out);
    const wall_s = Number(process.hrtime.bigint() - began) / 1e9;
    const used = process.cpuUsage(cpu);
    say({ wall_s, cpu_s: (used.user + used.system) / 1e6, file: out });
  } catch (error) {
    say({ error: String(error) });
  }
}
