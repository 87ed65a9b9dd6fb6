// PDF by pdfkit: 50 records a page, a text call a cell, as its guide shows it.
import PDFDocument from "pdfkit";
import { createWriteStream } from "node:fs";
import { finished } from "node:stream/promises";

const PER_PAGE = 50;
const STEPS = [50, 100, 100, 70, 50, 60, 70];

export async function pdfkit(asked, part) {
  const { columns, data } = asked;
  const pages = Math.max(1, Math.ceil(data.length / PER_PAGE));
  const document = new PDFDocument({ size: "A4", margin: 0, autoFirstPage: false });
  const file = createWriteStream(part);
  document.pipe(file);
  const row = (cells, y) => {
    let x = 28;
    cells.forEach((cell, place) => {
      document.text(cell, x, y, { lineBreak: false });
      x += STEPS[place % STEPS.length];
    });
  };
  for (let page = 0; page < pages; page += 1) {
    document.addPage();
    document.font("Helvetica");
    if (page === 0) document.fontSize(14).text(asked.title ?? "Export Report", 28, 20, { lineBreak: false });
    document.fontSize(8);
    row(columns, 48);
    const end = Math.min((page + 1) * PER_PAGE, data.length);
    for (let at = page * PER_PAGE; at < end; at += 1) {
      row(columns.map((name) => String(data[at][name] ?? "")), 62 + 14 * (at - page * PER_PAGE));
    }
    document.fontSize(7).text(`Page ${page + 1} of ${pages}`, 500, 815, { lineBreak: false });
  }
  document.end();
  await finished(file);
}
