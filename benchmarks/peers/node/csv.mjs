// CSV by the two writers that Node users take first.
import { createObjectCsvWriter } from "csv-writer";
import { stringify } from "csv-stringify/sync";
import { writeFileSync } from "node:fs";

export async function csvStringify(asked, part) {
  const text = stringify(asked.data, {
    header: true,
    columns: asked.columns,
    record_delimiter: "windows",
    cast: { boolean: (value) => String(value) },
  });
  writeFileSync(part, text);
}

export async function csvWriter(asked, part) {
  const writer = createObjectCsvWriter({
    path: part,
    header: asked.columns.map((name) => ({ id: name, title: name })),
    recordDelimiter: "\r\n",
  });
  await writer.writeRecords(asked.data);
}
