/**
 * `npm run bench [SUITE…] [--json] [--large]`: every suite, or those named; one table. Never part of the tests. With
 * --large what takes gigabytes of disk too.
 */
import { cpus, totalmem } from 'node:os';
import { benchData } from './data.js';
import { printRows } from './measure.js';
import type { Row } from './measure.js';
import { benchMonitor } from './monitor.js';
import { benchPython } from './python.js';
import { benchSessions } from './sessions.js';
import { benchTimeline } from './timeline.js';

const suites: Readonly<Record<string, () => Promise<Row[]>>> = {
  sessions: benchSessions,
  python: benchPython,
  timeline: benchTimeline,
  monitor: benchMonitor,
  data: () => benchData({ large: process.argv.includes('--large') }),
};

const named = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const unknown = named.filter((name) => !(name in suites));
if (unknown.length > 0) {
  process.stderr.write(`No suite ${unknown.join(', ')}; there are: ${Object.keys(suites).join(', ')}\n`);
  process.exit(2);
}
const rows: Row[] = [];
for (const [name, suite] of Object.entries(suites))
  if (named.length === 0 || named.includes(name)) rows.push(...(await suite()));
const machine = `${cpus().length} × ${cpus()[0]?.model ?? '?'}, ${Math.round(totalmem() / 1024 ** 3)} GB, Node ${process.version}, ${process.platform}`;
if (process.argv.includes('--json')) process.stdout.write(`${JSON.stringify({ machine, rows }, null, 2)}\n`);
else {
  process.stdout.write(`${machine}\n`);
  printRows(rows);
}
