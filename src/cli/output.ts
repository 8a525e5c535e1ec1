/** How commands speak: tables and sentences for people, JSON for machines, one line for an error. */
import { isSojournError } from '../types/errors.js';

export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

export function printLine(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Columns as wide as their widest cell; the last one is not padded. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = header.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => (row[column] ?? '').length)),
  );
  for (const row of [header, ...rows]) {
    const cells = row.map((cell, column) =>
      column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0),
    );
    printLine(cells.join('  ').trimEnd());
  }
}

/** One line on standard error, and exit status 1 when the program ends. */
export function printError(error: unknown, json: boolean): void {
  process.exitCode = 1;
  const known = isSojournError(error);
  const message = known ? error.detail : error instanceof Error ? error.message : String(error);
  if (json) {
    const code = known ? error.code : 'internal';
    process.stderr.write(
      `${JSON.stringify({ error: { code, detail: message, ...(known ? error.fields : {}) } })}\n`,
    );
    return;
  }
  process.stderr.write(`sojourn: ${message.split('\n')[0] ?? ''}\n`);
}
