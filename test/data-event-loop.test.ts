/** How long the work of one table may hold up everybody else. */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect } from 'chai';
import { openDataDoors } from './support/data-doors.js';
import type { DataDoors } from './support/data-doors.js';

const rows = 700_000;
/** The product's promise is 20 ms; a machine that is busy with other things adds to it. */
const boundMs = 100;

async function writeRows(path: string): Promise<void> {
  const file = await open(path, 'w');
  await file.write('id,a,b,c,text\n');
  for (let start = 0; start < rows; start += 10_000) {
    const lines = Array.from({ length: 10_000 }, (_, at) => {
      const row = start + at;
      return `r${row},${(row * 7919) % 1_000_003},${row / 8},${row % 100},word number ${row % 1000}`;
    });
    await file.write(`${lines.join('\n')}\n`);
  }
  await file.close();
}

describe('work on a table of 30 MB', () => {
  let doors: DataDoors;
  before(async function () {
    this.timeout(60_000);
    doors = await openDataDoors();
    await writeRows(join(doors.root, 'large.csv'));
    // What is imported on first use is not the work.
    const small = await doors.create('01-csv.yml');
    for (const operation of ['get_stats', 'sort']) await doors.ask(small, operation, { column: 'age' });
    await doors.ask(small, 'filter', { column: 'age', operator: '>', value: 1 });
  });
  after(() => doors.close());

  it('never holds the event loop for long', async function () {
    this.timeout(120_000);
    const measured: string[] = [];
    let longest = 0;
    // The least of three times: what the machine does beside it does not come each time, what the code does, does.
    const measure = async <T>(name: string, work: () => Promise<T>): Promise<T[]> => {
      const answers: T[] = [];
      let least = Infinity;
      for (let time = 0; time < 3; time += 1) {
        const histogram = monitorEventLoopDelay({ resolution: 1 });
        histogram.enable();
        answers.push(await work());
        histogram.disable();
        least = Math.min(least, histogram.max / 1e6);
      }
      longest = Math.max(longest, least);
      measured.push(`${name} ${least.toFixed(1)} ms`);
      return answers;
    };
    const source = { type: 'csv', filename: 'large.csv', index: 'id' };
    const [made] = await measure('create', () =>
      doors.native('POST', '/sessions', { kind: 'data', data_source: source }),
    );
    const id = String(made!.body.session_id);
    // Not parsed: what the client does with an answer is not the server's.
    const bytesOf = async (operation: string, params: object) => {
      const headers = {
        Authorization: `Bearer ${doors.server.token ?? ''}`,
        'Content-Type': 'application/json',
      };
      const url = `${doors.server.url}/api/sessions/${id}/${operation}`;
      const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(params) });
      expect(response.status).to.equal(200);
      return (await response.arrayBuffer()).byteLength;
    };
    const ask = (operation: string, params: object) => measure(operation, () => bytesOf(operation, params));
    await ask('get_value', { index: 'r5', column: 'a' });
    await ask('filter', { column: 'c', operator: '==', value: 5 });
    await ask('filter', { column: 'a', operator: '>', value: 10, as_view: true });
    await ask('sort', { column: ['c', 'a'], ascending: false });
    await ask('get_stats', { column: 'a' });
    await ask('get_stats', { column: 'text' });
    await ask('describe', {});
    await ask('get_unique', { column: 'text' });
    await ask('group_by', { by: 'c' });
    await ask('get_slice', { start: 0, end: 10_000 });
    await ask('get_column', { column: 'b' });
    await ask('set_values', { values: [{ index: 'r7', column: 'a', value: 'text' }] });
    await ask('undo', {});
    await measure('save', () => bytesOf('save', {}));
    this.test!.title += ` (at most ${longest.toFixed(0)} ms: ${measured.join(', ')})`;
    expect(longest, measured.join(', ')).to.be.below(boundMs);
  });
});
